package command

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/mask"
)

// Name is the function's name.
const Name = "command"

// Reason codes of command.
const (
	ReasonNoRule       = "NoRule"
	ReasonRan          = "Ran"
	ReasonExited       = "Exited"
	ReasonNotStarted   = "NotStarted"
	ReasonTimedOut     = "TimedOut"
	ReasonMax          = "Max"
	ReasonStillRunning = "StillRunning"
	ReasonSignalled    = "Signalled"
	ReasonNothingRuns  = "NothingRuns"
)

// Options are what commands run with.
type Options struct {
	// Timeout is for rules that say none, 0: none. A command that takes longer gets
	// SIGTERM, and SIGKILL 5 s later.
	Timeout time.Duration
	Masker  *mask.Masker // of output; nil masks nothing
	Log     zerolog.Logger
}

// Command runs the command of every rule that matches.
type Command struct {
	rules   []*Rule
	table   *table
	metrics *metrics
	o       Options
}

// New is command with these rules.
func New(rules []*Rule, o Options) *Command {
	if o.Masker == nil {
		o.Masker = &mask.Masker{}
	}
	m := newMetrics()
	return &Command{rules: rules, table: newTable(m), metrics: m, o: o}
}

// Name implements function.Action.
func (c *Command) Name() string { return Name }

// TakesGroups implements function.Grouped.
func (c *Command) TakesGroups() {}

// StepsAtOnce implements function.SideBySide: no command waits for another's end.
func (c *Command) StepsAtOnce() {}

// Drain implements function.Draining.
func (c *Command) Drain() { c.table.drain() }

// Stop implements function.Draining.
func (c *Command) Stop(ctx context.Context) { c.table.stop(ctx) }

// Plan answers a step for each rule that matches: to run its command or, where
// alerts have resolved, to signal the commands that run for them.
func (c *Command) Plan(_ context.Context, req *function.Request) ([]function.Step, error) {
	n := noticeOf(req)
	over := n.over()
	var steps []function.Step
	for _, r := range c.rules {
		at := target{c: c, rule: r, req: req, notice: n}
		matches := r.matches(n.labels)
		runs := c.table.note(r, over, req.RecordedTime) > 0 // whatever its alerts have in common with others by now
		if runs && !r.IgnoreResolved || matches && req.Resolved() {
			steps = append(steps, &signal{target: at, over: over})
		}
		switch {
		case req.Resolved():
		case matches:
			steps = append(steps, c.run(at))
		default:
			c.metrics.skipped.WithLabelValues("nomatch").Inc()
		}
	}
	if len(steps) == 0 {
		return nil, function.Skip(ReasonNoRule, "no command is for alert %q with these labels", req.Alert.Name())
	}
	return steps, nil
}

// target is one rule and one event.
type target struct {
	c      *Command
	rule   *Rule
	req    *function.Request
	notice notice
}

// plan is what both steps' plans have.
func (t target) plan() function.Plan {
	key := fmt.Sprintf("command/%s/%s", t.rule.id, alert.Hash(t.req.Alert.Fingerprint))
	return function.Plan{
		Target: "commands/" + t.rule.Name, Key: key, Lock: key + "/" + t.req.EventID, Namespace: t.req.Alert.Labels["namespace"],
	}
}

// run is the step that runs a rule's command.
func (c *Command) run(at target) *run {
	env, left := at.notice.environment(os.Environ())
	return &run{
		target: at, fingerprint: at.notice.fingerprint(at.rule), env: env, left: left,
		busy: c.table.busy(at.rule, at.req.EventID, at.req.RecordedTime),
	}
}
