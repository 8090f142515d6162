package rollback

import (
	"context"
	"fmt"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// over is what there is to do about an alert that has resolved: nothing, but for
// a note that the current revision was fully available then, if it was.
type over struct {
	rollback *Rollback
	found    *target.Found
}

// Plan implements function.Step. The target is the one that the firing event had.
func (o *over) Plan() function.Plan {
	return function.Plan{Target: o.found.Target(), Object: o.found.Object(), Summary: "nothing: the alert has resolved"}
}

// Check always skips. The note is no action: what fails about it is said, and not
// tried again.
func (o *over) Check(ctx context.Context) error {
	return function.Skip(function.ReasonResolved, "the alert has resolved; %s", o.note(ctx))
}

func (o *over) note(ctx context.Context) string {
	s, err := o.rollback.look(ctx, o.found, o.found.Live)
	if err != nil {
		return fmt.Sprintf("whether %s is fully available was not noted: %v", o.found, err)
	}
	if !s.complete(o.found.Kind) {
		return fmt.Sprintf("%s is not fully available", o.found)
	}
	if marked(s.current, annotationKnownGood) {
		return fmt.Sprintf("%s of %s is known to be good", s.current, o.found)
	}
	if err := o.rollback.mark(ctx, s.current, annotationKnownGood); err != nil {
		return fmt.Sprintf("that %s is fully available was not noted: %v", o.found, err)
	}
	return fmt.Sprintf("%s of %s is fully available, which was noted", s.current, o.found)
}

// Apply implements function.Step; Check lets nothing come here.
func (o *over) Apply(context.Context) (function.Result, error) {
	return function.Result{}, function.Skip(function.ReasonResolved, "the alert has resolved")
}
