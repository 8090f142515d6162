package command

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v2"

	"github.com/quench-dev/quench/function/rulefile"
)

// Config is a file of prometheus-am-executor, or one of ours.
type Config struct {
	Listen         string // where the standalone form listens; the function does not look at it
	Verbose        bool
	TLSKey, TLSCrt string
	Rules          []*Rule

	entries []entry
}

// Load reads a file.
func Load(path string) (*Config, error) {
	text, err := rulefile.Read(path, "commands")
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse reads a file's text; name is what errors call it. A key that is not known,
// missing or wrong is an error that names it. A number or a word such as yes is
// taken for a string where one is wanted, as it is written. Without commands the
// Config has no rules; who needs them says so.
func Parse(name string, text []byte) (*Config, error) {
	if err := rulefile.Bounded(name, text); err != nil {
		return nil, err
	}
	var s settings
	if err := yaml.UnmarshalStrict(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %s", name, plain(err))
	}
	c := &Config{Listen: s.Listen, Verbose: s.Verbose, TLSKey: s.TLSKey, TLSCrt: s.TLSCrt}
	var errs []error
	if (s.TLSKey == "") != (s.TLSCrt == "") {
		errs = append(errs, errors.New("tls_key, tls_crt: want both, or neither"))
	}
	for i := range s.Commands {
		if err := c.add(s.Commands[i]); err != nil {
			errs = append(errs, fmt.Errorf("commands[%d]: %w", i, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// AddLine adds a command line as a command that every alert runs.
func (c *Config) AddLine(args []string) error { return c.add(entry{Cmd: args[0], Args: args[1:]}) }

// add adds a command. One that is there already, the same in everything, is not
// added again.
func (c *Config) add(e entry) error {
	if len(e.Args) == 0 {
		e.Args = nil
	}
	r, err := e.rule()
	if err != nil {
		return err
	}
	for i, other := range c.entries {
		switch {
		case reflect.DeepEqual(other, e):
			return nil
		case e.Name != "" && other.Name == e.Name:
			return fmt.Errorf("name: %q is commands[%d]'s name, too; want a name of its own", e.Name, i)
		}
	}
	c.entries = append(c.entries, e)
	c.Rules = append(c.Rules, r)
	return nil
}

var goType = regexp.MustCompile(` in type command\.\w+| into (command\.)?(\[\])?\w*(\[\w+\])?\w*`)

// plain says what the YAML library found wrong without its Go types.
func plain(err error) string {
	lines := strings.Split(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:\n"), "\n")
	for i, line := range lines {
		want := ""
		switch {
		case strings.Contains(line, "into bool"):
			want = "; want true or false"
		case strings.Contains(line, "into int"):
			want = "; want a whole number"
		case strings.Contains(line, "into []"):
			want = "; want a list"
		case strings.Contains(line, "into map["), strings.Contains(line, "into command."):
			want = "; want a mapping"
		case strings.Contains(line, "into string"):
			want = "; want a string"
		case strings.Contains(line, "not found"):
			want = "; want one of listen_address verbose tls_key tls_crt commands"
			if strings.Contains(line, "command.entry") {
				want = "; want one of cmd args match_labels max notify_on_failure ignore_resolved resolved_signal name alert timeout onRepeat coolDown"
			}
		}
		lines[i] = strings.TrimSpace(goType.ReplaceAllString(line, "")) + want
	}
	return strings.Join(lines, " ")
}
