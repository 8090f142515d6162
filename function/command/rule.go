package command

import (
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/quench-dev/quench/function"
)

// Rule is one command of a file, checked and with its defaults.
type Rule struct {
	Name  string
	Cmd   string
	Args  []string
	Alert string // the alert's name, compared exactly; empty: any
	// Labels are what the alert, or all alerts of a notification, must have.
	Labels map[string]string

	Max            int  // processes at once for one alert; 0: no limit
	Notify         bool // a failure asks for another delivery
	IgnoreResolved bool
	Signal         syscall.Signal // for the alert's end
	Timeout        time.Duration  // 0: the function's
	OnRepeat       function.OnRepeat
	CoolDown       time.Duration

	id string // see entry.identity
}

// matches says whether labels are those of an alert that the rule is for.
func (r *Rule) matches(labels map[string]string) bool {
	if r.Alert != "" && labels["alertname"] != r.Alert {
		return false
	}
	for name, want := range r.Labels {
		if got, ok := labels[name]; !ok || got != want {
			return false
		}
	}
	return true
}

// called is the name of a rule that has none: its program's.
func (r *Rule) called() string {
	name := filepath.Base(r.Cmd)
	if len(name) > maxName {
		name = name[:maxName]
	}
	return strings.ToValidUTF8(name, "")
}

// line is the command as people write it; it may hold what is to be masked.
func (r *Rule) line() string { return strings.Join(append([]string{r.Cmd}, r.Args...), " ") }
