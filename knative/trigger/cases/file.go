package cases

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/quench-dev/quench/knative/trigger/source"
)

// File is a file of cases.
type File struct {
	// Triggers are files, folders and kustomize folders, relative to the file's own folder.
	Triggers []string `yaml:"triggers"`
	Adapter  Adapter  `yaml:"adapter"`
	Tests    []Case   `yaml:"tests"`

	path string
}

// Case is alerts, or an event, and what becomes of them. Triggers are named as namespace/name, or by the name alone where no
// other has it.
type Case struct {
	Name string `yaml:"name"`

	// One of these three is given: an Alertmanager webhook's file, relative to the file's own folder, an alert, or any
	// event's attributes.
	Payload string            `yaml:"payload"`
	Alert   *Alert            `yaml:"alert"`
	Event   map[string]string `yaml:"event"`

	// Fire are Triggers that catch every event of the case, Not are Triggers that catch none of them. Only, instead of both,
	// are all that catch any: every other Trigger catches none.
	Fire []string  `yaml:"fire"`
	Not  []string  `yaml:"not"`
	Only *[]string `yaml:"only"`

	line int
}

// Alert is an alert as Alertmanager tells of it.
type Alert struct {
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
	Status      string            `yaml:"status"`   // firing where nothing is said
	Receiver    string            `yaml:"receiver"` // the webhook's
	StartsAt    Time              `yaml:"startsAt"`
	EndsAt      Time              `yaml:"endsAt"`
}

// Time is a time in a file of cases, which a mistake names the line of.
type Time struct{ time.Time }

// UnmarshalYAML reads a time like 2026-11-20T22:00:00Z.
func (t *Time) UnmarshalYAML(node *yaml.Node) (err error) {
	if t.Time, err = time.Parse(time.RFC3339, node.Value); err != nil {
		return fmt.Errorf("line %d: got %.40q, want a time like 2026-11-20T22:00:00Z", node.Line, node.Value)
	}
	return nil
}

// Read reads a file of cases. An error names the file, the line, and what would be right.
func Read(path string) (*File, error) {
	text, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", path, plain(err))
	}
	f.number(text)
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

// beside is a path that the file names, as seen from here.
func (f *File) beside(path string) string {
	if filepath.IsAbs(path) || path == source.Stdin {
		return path
	}
	return filepath.Join(filepath.Dir(f.path), path)
}

// Paths are the Triggers' files and folders, as seen from here.
func (f *File) Paths() []string {
	paths := make([]string, len(f.Triggers))
	for i, path := range f.Triggers {
		paths[i] = f.beside(path)
	}
	return paths
}

// where is the case's place: file:line.
func (f *File) where(c *Case) string { return fmt.Sprintf("%s:%d", f.path, c.line) }

// number notes the line of each case.
func (f *File) number(text []byte) {
	var root yaml.Node
	if yaml.Unmarshal(text, &root) != nil || len(root.Content) == 0 {
		return
	}
	fields := root.Content[0].Content
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i].Value != "tests" {
			continue
		}
		for j, item := range fields[i+1].Content {
			if j < len(f.Tests) {
				f.Tests[j].line = item.Line
			}
		}
	}
}

func (f *File) check() error {
	if len(f.Tests) == 0 {
		return fmt.Errorf("%s: tests: missing; want a list of cases", f.path)
	}
	var errs []error
	first := map[string]*Case{}
	for i := range f.Tests {
		c := &f.Tests[i]
		if err := c.check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: tests[%d]: %w", f.where(c), i, err))
			continue
		}
		if other, taken := first[c.Name]; taken {
			errs = append(errs, fmt.Errorf("%s: tests[%d].name: %q is already at line %d", f.where(c), i, c.Name, other.line))
		}
		first[c.Name] = c
	}
	return errors.Join(errs...)
}

func (c *Case) check() error {
	given := 0
	for _, is := range []bool{c.Payload != "", c.Alert != nil, c.Event != nil} {
		if is {
			given++
		}
	}
	switch {
	case c.Name == "":
		return errors.New("name: missing")
	case given != 1:
		return fmt.Errorf("%q: want one of payload, alert and event", c.Name)
	case c.Only != nil && len(c.Fire)+len(c.Not) > 0:
		return fmt.Errorf("%q: only says it all: want it, or fire and not", c.Name)
	case c.Only == nil && len(c.Fire)+len(c.Not) == 0:
		return fmt.Errorf("%q: want fire, not or only: the Triggers that must catch it, that must not, or all that may", c.Name)
	case c.Alert != nil && c.Alert.Status != "" && c.Alert.Status != "firing" && c.Alert.Status != "resolved":
		return fmt.Errorf("%q: alert.status: got %q, want firing or resolved", c.Name, c.Alert.Status)
	}
	return nil
}

// goType is how the decoder calls our types.
var goType = regexp.MustCompile(` in type cases\.\w+|cases\.`)

// plain is the decoder's error without the names of Go types, in one line.
func plain(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:")
	return goType.ReplaceAllString(strings.Join(strings.Fields(text), " "), "")
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded(path, f)
}

// MaxPayloadBytes is the size above which a payload, an event or a file of cases is refused: the adapter's own limit.
const MaxPayloadBytes = 16 << 20

func bounded(name string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxPayloadBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > MaxPayloadBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, MaxPayloadBytes)
	}
	return text, nil
}
