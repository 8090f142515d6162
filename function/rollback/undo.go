package rollback

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// undo rolls one object back.
type undo struct {
	rollback *Rollback
	req      *function.Request
	found    *target.Found
	from, to *revision // nil where nothing is to be done
	plan     function.Plan
}

// Plan implements function.Step.
func (u *undo) Plan() function.Plan { return u.plan }

// again looks once more, under the lock, and wants to find what was planned.
func (u *undo) again(ctx context.Context) (*seen, error) {
	live, err := u.rollback.live(ctx, u.found)
	if err != nil {
		return nil, err
	}
	if carries(live, u.req.EventID) {
		return nil, function.Skip(ReasonAlreadyRolledBack, "%s was rolled back for this event", u.found)
	}
	s, err := u.rollback.look(ctx, u.found, live)
	if err != nil {
		return nil, err
	}
	to, err := u.rollback.choose(s, u.found, u.req.Alert)
	if err != nil {
		return nil, err
	}
	if u.to == nil || to.uid() != u.to.uid() || s.current.uid() != u.from.uid() {
		return nil, function.Retry(fmt.Errorf("%s has changed since this was planned", u.found))
	}
	return s, nil
}

// Check implements function.Checker.
func (u *undo) Check(ctx context.Context) error {
	_, err := u.again(ctx)
	return err
}

// Apply implements function.Step.
func (u *undo) Apply(ctx context.Context) (function.Result, error) {
	s, err := u.again(ctx)
	if err != nil {
		return function.Result{}, err
	}
	kind, patch, err := change(s, u.found, u.to, u.req)
	if err != nil {
		return function.Result{}, function.Fail(function.ReasonInvalid, "encode patch of %s: %w", u.found, err)
	}
	if err := u.rollback.cluster.patch(ctx, u.found.Resource, u.found.Namespace, u.found.Name, kind, patch); err != nil {
		return function.Result{}, function.FromAPI("patch "+u.found.String(), err)
	}
	return u.done(ctx, s.live, s.current, fmt.Sprintf("rolled %s back from %s to %s", u.found, s.current, u.to)), nil
}

// Recover implements function.Recoverer: an object that carries the event's id was
// rolled back for it.
func (u *undo) Recover(ctx context.Context, was function.Interrupted) (function.Result, error) {
	live, err := u.rollback.live(ctx, u.found)
	if err != nil {
		return function.Result{}, err
	}
	if carries(live, u.req.EventID) {
		s := &seen{live: live}
		if err := u.rollback.history(ctx, u.found.Kind, s); err != nil {
			return function.Result{}, err
		}
		return u.done(ctx, live, s.left(), fmt.Sprintf("%s was rolled back by an attempt that was cut off", u.found)), nil
	}
	if was.Resolved {
		return function.Result{}, function.Skip(function.ReasonAlertResolved, "the alert has resolved since this was recorded")
	}
	return u.Apply(ctx)
}

// done marks the revision that was left and tells what was done.
func (u *undo) done(ctx context.Context, live *unstructured.Unstructured, left *revision, says string) function.Result {
	result := function.Result{Reason: ReasonRolledBack, Message: says, Objects: []string{u.found.Target()}}
	if left != nil {
		if err := u.rollback.mark(ctx, left, annotationRolledBack, u.req.EventID); err != nil {
			result.Message += fmt.Sprintf("; could not mark %s, only %s says so: %v", left, u.found, err)
		} else {
			result.Objects = append(result.Objects, left.path())
		}
	}
	if ordered(live, u.found.Kind) {
		result.Message += "; its controller waits for pods that were never ready to become so: delete those (kubernetes/kubernetes issue 67250)"
	}
	return result
}

// ordered says whether a StatefulSet replaces its pods one after another.
func ordered(live *unstructured.Unstructured, kind target.Kind) bool {
	policy, _, _ := unstructured.NestedString(live.Object, "spec", "podManagementPolicy")
	return kind == target.StatefulSet && policy != "Parallel"
}
