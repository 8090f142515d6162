package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// settings are a whole file.
type settings struct {
	Listen   string  `yaml:"listen_address"`
	Verbose  bool    `yaml:"verbose"`
	TLSKey   string  `yaml:"tls_key"`
	TLSCrt   string  `yaml:"tls_crt"`
	Commands []entry `yaml:"commands"`
}

// entry is one of commands: the names with an underscore are
// prometheus-am-executor's, the others ours.
type entry struct {
	Cmd             string            `yaml:"cmd"`
	Args            []string          `yaml:"args"`
	MatchLabels     map[string]string `yaml:"match_labels"`
	Max             int               `yaml:"max"`
	NotifyOnFailure *bool             `yaml:"notify_on_failure"`
	IgnoreResolved  *bool             `yaml:"ignore_resolved"`
	ResolvedSignal  string            `yaml:"resolved_signal"`

	Name     string  `yaml:"name"`
	Alert    string  `yaml:"alert"`
	Timeout  *string `yaml:"timeout"`
	OnRepeat string  `yaml:"onRepeat"`
	CoolDown *string `yaml:"coolDown"`
}

// defaultCoolDown is how long after its end a command is not run again for a
// repeat of the same notification. It keeps the second Alertmanager of a pair,
// whose notification looks like a repeat, from running it twice.
const defaultCoolDown = time.Minute

// maxName bounds a name, in bytes: it is part of what is locked and recorded.
const maxName = 200

// rule checks an entry and fills in what it leaves out.
func (e *entry) rule() (*Rule, error) {
	var errs []error
	wrong := func(bad bool, field, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
		}
	}
	r := &Rule{
		Name: e.Name, Cmd: e.Cmd, Args: e.Args, Alert: e.Alert, Labels: e.MatchLabels, Max: max(e.Max, 0),
		Notify: e.NotifyOnFailure == nil || *e.NotifyOnFailure, IgnoreResolved: e.IgnoreResolved != nil && *e.IgnoreResolved,
		Signal: syscall.SIGKILL, OnRepeat: function.RepeatAct, CoolDown: defaultCoolDown,
	}
	wrong(e.Cmd == "", "cmd", "missing; want a program")
	wrong(strings.ContainsRune(strings.Join(append([]string{e.Cmd}, e.Args...), ""), 0), "args", "want no character of code 0")
	wrong(len(e.Name) > maxName, "name", "want at most %d bytes", maxName)
	if e.ResolvedSignal != "" {
		s, err := parseSignal(e.ResolvedSignal)
		wrong(err != nil, "resolved_signal", "%v", err)
		r.Signal = s
	}
	switch function.OnRepeat(e.OnRepeat) {
	case "", function.RepeatAct:
	case function.RepeatSkip:
		r.OnRepeat, r.CoolDown = function.RepeatSkip, 0
	default:
		wrong(true, "onRepeat", "got %q, want act or skip", e.OnRepeat)
	}
	if e.CoolDown != nil {
		d, err := time.ParseDuration(*e.CoolDown)
		wrong(err != nil || d < 0, "coolDown", "got %q, want a duration such as 30s or 10m", *e.CoolDown)
		wrong(r.OnRepeat == function.RepeatSkip, "coolDown", "goes with onRepeat: act")
		r.CoolDown = d
	}
	if e.Timeout != nil {
		d, err := time.ParseDuration(*e.Timeout)
		wrong(err != nil || d <= 0, "timeout", "got %q, want a duration above 0, such as 20s or 5m", *e.Timeout)
		r.Timeout = d
	}
	r.id = e.identity()
	if r.Name == "" {
		r.Name = r.called()
	}
	return r, errors.Join(errs...)
}

// identity tells an entry from all others, and is the same after a restart and
// when other entries come or go: its name or, without one, what it says.
func (e *entry) identity() string {
	if e.Name != "" {
		return alert.Hash("command", "name", e.Name)
	}
	text, _ := json.Marshal(e) // strings, numbers and booleans always encode
	return alert.Hash("command", "entry", string(text))
}
