package remedy

import (
	"context"
	"fmt"
	"time"

	"github.com/quench-dev/quench/function"
)

// step is what is done about one alert.
type step struct {
	action *action
	req    *function.Request
	c      *Case
	plan   Plan
	told   function.Plan
}

// Plan implements function.Step.
func (s *step) Plan() function.Plan { return s.told }

// again looks once more, under the lock, and wants to find what was planned.
func (s *step) again(ctx context.Context) error {
	c, err := s.action.open(ctx, s.req)
	if err != nil {
		return err
	}
	if c.carries() {
		s.c = c
		return nil
	}
	p, err := s.action.plan(ctx, c)
	if err != nil {
		return err
	}
	now := s.told
	now.Summary, now.Changes = p.Summary, p.Changes
	if now.Hash() != s.told.Hash() || p.Target != s.plan.Target || c.Found != nil && c.Found.UID != s.c.Found.UID {
		return function.Retry(fmt.Errorf("%s has changed since this was planned", c))
	}
	s.c, s.plan = c, p
	return nil
}

// Check implements function.Checker.
func (s *step) Check(ctx context.Context) error { return s.again(ctx) }

// Apply implements function.Step. Check comes before it, or Recover.
func (s *step) Apply(ctx context.Context) (function.Result, error) {
	if s.c.carries() {
		return s.done(), nil
	}
	return s.action.remedy.Apply(ctx, s.c, s.plan)
}

func (s *step) done() function.Result {
	return function.Result{Message: fmt.Sprintf("%s was changed for this event by an attempt that was cut off", s.c), Objects: []string{s.told.Target}}
}

// Recover implements function.Recoverer.
func (s *step) Recover(ctx context.Context, was function.Interrupted) (function.Result, error) {
	c, err := s.action.open(ctx, s.req) // as it is now that its lock is ours
	if err != nil {
		return function.Result{}, err
	}
	s.c = c
	switch {
	case c.carries():
		return s.done(), nil
	case was.Resolved:
		return function.Result{}, function.Skip(function.ReasonAlertResolved, "the alert has resolved since this was recorded")
	case !was.Undone && !s.action.remedy.Repeatable:
		return function.Result{}, function.Fail(function.ReasonUnknown,
			"the attempt of %s was cut off, and whether it had an effect cannot be told; it is not made again (the Remedy is not Repeatable)",
			was.StartedAt.UTC().Format(time.RFC3339))
	}
	if err := s.again(ctx); err != nil {
		return function.Result{}, err
	}
	return s.Apply(ctx)
}

// over is the step for an alert that has resolved: there is nothing to do.
type over struct{ *step }

// Check implements function.Checker.
func (over) Check(context.Context) error {
	return function.Skip(function.ReasonResolved, "the alert has resolved; nothing is undone")
}

// Apply implements function.Step; Check lets nothing come here.
func (o over) Apply(ctx context.Context) (function.Result, error) {
	return function.Result{}, o.Check(ctx)
}

// Recover implements function.Recoverer: nothing was begun.
func (o over) Recover(ctx context.Context, _ function.Interrupted) (function.Result, error) {
	return o.Apply(ctx)
}
