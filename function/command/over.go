package command

import (
	"context"
	"fmt"

	"github.com/quench-dev/quench/function"
)

// signal sends the commands that run for alerts that have resolved their signal.
type signal struct {
	target
	over []string // the alerts' fingerprints
}

// Plan implements function.Step.
func (s *signal) Plan() function.Plan {
	p := s.plan()
	if !s.req.Resolved() { // beside a run of the same event
		p.Key += "/over"
		p.Lock += "/over"
	}
	if s.rule.IgnoreResolved {
		p.Summary = fmt.Sprintf("nothing: %s ignores that alerts resolve", s.rule.Name)
		return p
	}
	p.Summary = fmt.Sprintf("send %s to what runs of %s for these alerts", signalName(s.rule.Signal), s.rule.Name)
	p.Changes = []function.Change{{Op: "signal", Object: p.Target}}
	return p
}

// Check remembers the alerts' end, for what has not begun yet, and skips where
// nothing runs.
func (s *signal) Check(context.Context) error {
	n := s.c.table.note(s.rule, s.over, s.req.RecordedTime)
	switch {
	case s.rule.IgnoreResolved:
		return function.Skip(function.ReasonResolved, "the alert has resolved; %s runs on (ignore_resolved)", s.rule.Name)
	case n == 0:
		return function.Skip(ReasonNothingRuns, "the alert has resolved; %s does not run for it", s.rule.Name)
	}
	return nil
}

// Apply implements function.Step.
func (s *signal) Apply(context.Context) (function.Result, error) {
	sent, err := s.c.table.signal(s.rule, s.over, s.req.RecordedTime)
	name := signalName(s.rule.Signal)
	if err != nil {
		return function.Result{}, function.Fail(function.ReasonFailed, "send %s to %s: %w", name, s.rule.Name, err)
	}
	if sent == 0 {
		return function.Result{}, function.Skip(ReasonNothingRuns, "the alert has resolved; %s has ended by itself", s.rule.Name)
	}
	return function.Result{Reason: ReasonSignalled, Message: fmt.Sprintf("the alert has resolved; sent %s to %d command(s) of %s", name, sent, s.rule.Name)}, nil
}
