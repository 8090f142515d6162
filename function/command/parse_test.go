package command_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
)

func TestOldFileAsItIs(t *testing.T) {
	c, err := command.Load("testdata/executor.yml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":23222" || c.Verbose || c.TLSKey != "" || len(c.Rules) != 2 {
		t.Fatalf("read as %+v", c)
	}
	first, second := c.Rules[0], c.Rules[1]
	if first.Cmd != "/usr/local/bin/reboot-host" || strings.Join(first.Args, " ") != "--grace 30 on" || first.Labels["rack"] != "7" ||
		first.Notify || first.IgnoreResolved || first.Signal != syscall.SIGUSR2 || first.Max != 0 {
		t.Errorf("the first is %+v", first)
	}
	if second.Max != 3 || !second.Notify || !second.IgnoreResolved || second.Signal != syscall.SIGKILL {
		t.Errorf("the second is %+v", second)
	}
	for _, r := range c.Rules {
		if r.OnRepeat != function.RepeatAct || r.CoolDown != time.Minute || r.Timeout != 0 || r.Alert != "" {
			t.Errorf("%+v", r)
		}
	}
}

func TestOurs(t *testing.T) {
	c, err := command.Parse("c.yaml", []byte(`
commands:
- {name: one, alert: Burns, cmd: a, timeout: 5m, coolDown: 10m}
- {name: two, cmd: a, onRepeat: skip, max: -1, resolved_signal: "15"}
`))
	if err != nil {
		t.Fatal(err)
	}
	one, two := c.Rules[0], c.Rules[1]
	if one.Name != "one" || one.Alert != "Burns" || one.Timeout != 5*time.Minute || one.CoolDown != 10*time.Minute || one.OnRepeat != function.RepeatAct {
		t.Errorf("one is %+v", one)
	}
	if two.OnRepeat != function.RepeatSkip || two.Max != 0 || two.Signal != syscall.SIGTERM {
		t.Errorf("two is %+v", two)
	}
}

func TestParseErrors(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"not YAML":        {"\t", "c.yaml"},
		"unknown":         {"command: []", "line 1: field command not found; want one of listen_address"},
		"unknown in one":  {"commands:\n- {cmd: a, arg: [b]}", "line 2: field arg not found; want one of cmd args match_labels"},
		"twice":           {"commands:\n- cmd: a\n  cmd: b", "cmd already set"},
		"no cmd":          {"commands:\n- {args: [a]}", "commands[0]: cmd: missing"},
		"zero byte":       {"commands:\n- {cmd: a, args: [\"b\\0\"]}", "commands[0]: args: want no character of code 0"},
		"args":            {"commands:\n- {cmd: a, args: b}", "want a list"},
		"labels":          {"commands:\n- {cmd: a, match_labels: [b]}", "want a mapping"},
		"a list":          {"commands:\n- {cmd: [a]}", "want a string"},
		"max":             {"commands:\n- {cmd: a, max: many}", "want a whole number"},
		"notify":          {"commands:\n- {cmd: a, notify_on_failure: maybe}", "want true or false"},
		"signal":          {"commands:\n- {cmd: a, resolved_signal: banana}", `resolved_signal: got "banana", want a signal such as SIGTERM, usr1 or 9`},
		"signal too high": {"commands:\n- {cmd: a, resolved_signal: 10999}", `resolved_signal: got "10999"`},
		"onRepeat":        {"commands:\n- {cmd: a, onRepeat: twice}", `onRepeat: got "twice", want act or skip`},
		"coolDown":        {"commands:\n- {cmd: a, coolDown: soon}", `coolDown: got "soon", want a duration`},
		"coolDown alone":  {"commands:\n- {cmd: a, onRepeat: skip, coolDown: 1m}", "coolDown: goes with onRepeat: act"},
		"timeout":         {"commands:\n- {cmd: a, timeout: 0s}", `timeout: got "0s", want a duration above 0`},
		"one name twice":  {"commands:\n- {cmd: a, name: n}\n- {cmd: b, name: n}", `commands[1]: name: "n" is commands[0]'s name, too`},
		"long name":       {"commands:\n- {cmd: a, name: " + strings.Repeat("n", 201) + "}", "name: want at most 200 bytes"},
		"half of TLS":     {"tls_key: a\ncommands:\n- {cmd: a}", "tls_key, tls_crt: want both, or neither"},
		"two wrong":       {"commands:\n- {args: [a]}\n- {args: [a]}", "commands[1]"},
		"too large":       {strings.Repeat("#", 1<<20+1), "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := command.Parse("c.yaml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.HasPrefix(err.Error(), "c.yaml: ") || strings.Contains(err.Error(), "command.") {
				t.Errorf("got %v, want c.yaml and %q", err, test.says)
			}
		})
	}
	if _, err := command.Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("commands:\n- {cmd: a, args: [1, yes], match_labels: {a: b}, resolved_signal: 9}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := command.Parse("c.yaml", text)
		if err != nil {
			return
		}
		for _, r := range c.Rules {
			if r.Cmd == "" || r.Signal == 0 || r.Name == "" && r.Cmd != "" {
				t.Errorf("%+v", r)
			}
		}
	})
}
