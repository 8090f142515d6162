package function_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
)

// An alert's start, and its event's id with it, moves while it fires; an alert that
// ended and came again has another start too. Only the second is acted on again.
func TestMovedStartIsTheSameAlert(t *testing.T) {
	for name, test := range map[string]struct {
		start    time.Duration // from the first start
		resolved bool          // seen to resolve in between
		after    time.Duration // from the first delivery to the next
		acts     bool
	}{
		"the other replica's earlier start":                      {-20 * time.Second, false, time.Second, false},
		"an earlier start, hours later":                          {-20 * time.Second, false, 5 * time.Hour, false},
		"a later start, after a restart":                         {4 * time.Minute, false, 6 * time.Minute, false},
		"a later start after it resolved":                        {5 * time.Minute, true, 6 * time.Minute, true},
		"a later start, long after, though no resolved was sent": {2 * time.Hour, false, 2*time.Hour + time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := functiontest.New(t)
			var runs atomic.Int32
			f := build(t, w, action{func(r *function.Request) ([]function.Step, error) {
				p := function.Plan{Target: target}
				if r.Resolved() {
					return []function.Step{checked{step{plan: p}, function.Skip(function.ReasonResolved, "over")}}, nil
				}
				return []function.Step{step{p, func(context.Context) (function.Result, error) {
					runs.Add(1)
					return function.Result{}, nil
				}}}, nil
			}}, nil)
			first := functiontest.Alert(map[string]string{"alertname": "Burns"})
			first.StartsAt = w.Clock.Now().Add(-time.Second).UTC().Truncate(time.Millisecond)
			handle := func(a *alert.Alert) functiontest.Outcome {
				return functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now()))
			}
			handle(first).Want(t, function.Succeeded, function.ReasonDone)
			if test.resolved {
				w.Clock.Advance(time.Minute)
				handle(functiontest.Resolved(first)).Want(t, function.Skipped, function.ReasonResolved)
			}
			w.Clock.Advance(test.after)
			moved := *first
			moved.StartsAt = first.StartsAt.Add(test.start)
			o := handle(&moved)
			if test.acts {
				o.Want(t, function.Succeeded, function.ReasonDone)
			} else {
				o.Want(t, function.Skipped, function.ReasonSameAlert)
			}
			if want := map[bool]int32{false: 1, true: 2}[test.acts]; runs.Load() != want {
				t.Errorf("acted %d times, want %d", runs.Load(), want)
			}
		})
	}
}

// Another alert about the same target is no repeat of the first.
func TestAnotherAlertOnTheTargetActs(t *testing.T) {
	w := functiontest.New(t)
	f := build(t, w, one(step{function.Plan{Target: target}, done}), nil)
	for _, name := range []string{"Burns", "Smokes"} {
		a := functiontest.Alert(map[string]string{"alertname": name})
		functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now())).Want(t, function.Succeeded, function.ReasonDone)
	}
}

// checked is a step that its own check keeps from being done.
type checked struct {
	step
	err error
}

func (s checked) Check(context.Context) error { return s.err }
