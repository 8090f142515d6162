package imagepatcher

import (
	"context"
	"fmt"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// step is what all of image-patcher's steps have.
type step struct {
	patcher *Patcher
	req     *function.Request
	found   *target.Found
	plan    function.Plan
}

// Plan implements function.Step.
func (s *step) Plan() function.Plan { return s.plan }

// resolved is the step for an alert that is over: there is nothing to do.
type resolved struct{ step }

func (s step) over() *resolved {
	s.plan.Summary = "nothing: the alert has resolved"
	return &resolved{s}
}

// Check implements function.Checker.
func (s *resolved) Check(context.Context) error {
	return function.Skip(function.ReasonResolved, "the alert has resolved; the image stays")
}

// Apply implements function.Step. Check comes before it, always.
func (s *resolved) Apply(ctx context.Context) (function.Result, error) {
	return function.Result{}, s.Check(ctx)
}

// Recover implements function.Recoverer: nothing was begun.
func (s *resolved) Recover(ctx context.Context, _ function.Interrupted) (function.Result, error) {
	return s.Apply(ctx)
}

// already is the step for a workload that carries the event's id: what was to be
// done is done, also where its record was never completed, or is lost.
type already struct{ step }

func (s step) done() *already {
	s.plan.Summary = fmt.Sprintf("nothing: %s was patched for this event", s.found)
	return &already{s}
}

// Apply implements function.Step.
func (s *already) Apply(context.Context) (function.Result, error) {
	return function.Result{Reason: ReasonPatched, Message: fmt.Sprintf("%s was patched for this event", s.found), Objects: []string{s.plan.Target}}, nil
}

// Recover implements function.Recoverer.
func (s *already) Recover(ctx context.Context, _ function.Interrupted) (function.Result, error) {
	return s.Apply(ctx)
}
