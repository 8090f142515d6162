package function_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/record"
)

func TestPanicIsFailedAndNotRunAgain(t *testing.T) {
	w := functiontest.New(t)
	var runs atomic.Int32
	f := build(t, w, one(step{function.Plan{Target: target}, func(context.Context) (function.Result, error) { runs.Add(1); panic("oh") }}), nil)
	e := firing(t, w)
	functiontest.Handle(t, f, e).Want(t, function.Failed, function.ReasonPanic)
	functiontest.Handle(t, f, e).Want(t, function.Failed, function.ReasonPanic)
	if runs.Load() != 1 {
		t.Errorf("ran %d times, want once", runs.Load())
	}
}

// interrupted leaves what a process leaves that is killed while it applies.
func interrupted(t *testing.T, w *functiontest.World, f *function.Function, begun <-chan struct{}) {
	t.Helper()
	go func() { _, _ = f.Handle(context.Background(), firing(t, w)) }()
	select {
	case <-begun:
	case <-time.After(30 * time.Second):
		t.Fatal("apply was not begun")
	}
}

func TestCutOffWithoutRecoverIsUnknownAndNeverRunAgain(t *testing.T) {
	w := functiontest.New(t)
	begun, end := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(end) })
	var runs atomic.Int32
	hang := one(step{function.Plan{Target: target}, func(context.Context) (function.Result, error) {
		runs.Add(1)
		close(begun)
		<-end
		return function.Result{}, nil
	}})
	dead := *w
	dead.Clock = &functiontest.Clock{} // its renewals must not follow the clock that is turned below
	interrupted(t, w, build(t, &dead, hang, nil), begun)
	e := firing(t, w)
	f := build(t, w, hang, nil)
	wantRetry(t, f, e, "held by another")
	w.Clock.Advance(time.Minute) // its lock has run out
	functiontest.Handle(t, f, e).Want(t, function.Failed, function.ReasonUnknown)
	functiontest.Handle(t, f, e).Want(t, function.Failed, function.ReasonUnknown)
	if runs.Load() != 1 {
		t.Errorf("ran %d times, want once", runs.Load())
	}
}

func TestLostLockEndsApply(t *testing.T) {
	w := functiontest.New(t)
	leases, err := w.Client.Resource(schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}, w.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	steal := step{function.Plan{Target: target}, func(ctx context.Context) (function.Result, error) {
		name := (&lease.Locker{Function: "tester"}).Name(target)
		if err := leases.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return function.Result{}, err
		}
		<-ctx.Done()
		return function.Result{}, context.Cause(ctx)
	}}
	var was function.Interrupted
	f := build(t, w, one(recoverable{steal, func(_ context.Context, i function.Interrupted) (function.Result, error) {
		was = i
		return function.Result{Message: "it was done"}, nil
	}}), nil)
	e := firing(t, w)
	wantRetry(t, f, e, lease.ErrLost.Error())
	functiontest.Handle(t, f, e).Want(t, function.Succeeded, function.ReasonDone)
	if was.RecordedTime.IsZero() || was.Undone {
		t.Errorf("recover was told %+v", was)
	}
}

func TestRetryIsAppliedAgainWithTheSameRecordedTime(t *testing.T) {
	w := functiontest.New(t)
	var runs atomic.Int32
	f := build(t, w, one(step{function.Plan{Target: target}, func(context.Context) (function.Result, error) {
		if runs.Add(1) == 1 {
			return function.Result{}, function.Retry(errors.New("throttled"))
		}
		return function.Result{}, nil
	}}), nil)
	e := firing(t, w)
	wantRetry(t, f, e, "throttled")
	o := functiontest.Handle(t, f, e)
	o.Want(t, function.Succeeded, function.ReasonDone)
	if o.Actions[0].Attempts != 2 {
		t.Errorf("attempts are %d, want 2", o.Actions[0].Attempts)
	}
}

func TestOneStepThatMayPassHoldsTheAnswerBack(t *testing.T) {
	w := functiontest.New(t)
	var first, second atomic.Int32
	steps := []function.Step{
		step{function.Plan{Target: "v1/pods/a/b"}, func(context.Context) (function.Result, error) {
			first.Add(1)
			return function.Result{}, nil
		}},
		step{function.Plan{Target: "v1/pods/a/c"}, func(context.Context) (function.Result, error) {
			if second.Add(1) == 1 {
				return function.Result{}, function.Retry(errors.New("throttled"))
			}
			return function.Result{}, function.Fail("Refused", "no")
		}},
	}
	f := build(t, w, action{func(*function.Request) ([]function.Step, error) { return steps, nil }}, nil)
	e := firing(t, w)
	wantRetry(t, f, e, "throttled")
	o := functiontest.Handle(t, f, e)
	o.Want(t, function.Failed, "Refused")
	if o.Target != "v1/pods/a/c" || len(o.Actions) != 2 || o.Actions[0].Outcome != function.Succeeded || first.Load() != 1 {
		t.Errorf("target %s, actions %+v, first ran %d times", o.Target, o.Actions, first.Load())
	}
}

func TestApplyOutlivesItsSender(t *testing.T) {
	w := functiontest.New(t)
	ctx, gone := context.WithCancel(t.Context())
	f := build(t, w, one(step{function.Plan{Target: target}, func(ctx context.Context) (function.Result, error) {
		gone()
		return function.Result{}, ctx.Err()
	}}), nil)
	reply, err := f.Handle(ctx, firing(t, w))
	if err != nil {
		t.Fatal(err)
	}
	functiontest.Read(t, reply).Want(t, function.Succeeded, function.ReasonDone)
}

func TestSweep(t *testing.T) {
	w := functiontest.New(t)
	records := &record.Remediations{Client: w.Client}
	o := one(step{function.Plan{Target: target}, done})
	first := firing(t, w)
	functiontest.Handle(t, build(t, w, o, nil), first)
	w.Clock.Advance(48 * time.Hour)
	old := record.Name("tester", target, first.ID())
	f := build(t, w, o, func(o *function.Options) { o.RecordTTL = 24 * time.Hour })
	second := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Other"}), w.Clock.Now())
	functiontest.Handle(t, f, second)
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := records.Get(t.Context(), old); err != nil || r != nil {
		t.Errorf("the old record is %+v, %v", r, err)
	}
	if r, err := records.Get(t.Context(), record.Name("tester", target, second.ID())); err != nil || r == nil {
		t.Errorf("the new record is gone (%v)", err)
	}
}

// noted keeps the notes that a function writes.
type noted struct{ notes chan function.Note }

func (n noted) Note(_ context.Context, note function.Note) error {
	n.notes <- note
	return nil
}

func TestOutcomeIsNotedOnTheObject(t *testing.T) {
	w := functiontest.New(t)
	object := &function.Object{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "frontend", UID: "1"}
	for name, test := range map[string]struct {
		apply   func(context.Context) (function.Result, error)
		object  *function.Object
		dry     bool
		message string
		warning bool
	}{
		"done": {done, object, false, "done (alert Done)", false},
		"failed": {func(context.Context) (function.Result, error) {
			return function.Result{}, function.Fail("Refused", "no")
		}, object, false, "no (alert Failed)", true},
		"dry run":   {done, object, true, "", false},
		"no object": {done, nil, false, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			notes := noted{make(chan function.Note, 10)}
			f := build(t, w, one(step{function.Plan{Target: target + name, Object: test.object}, test.apply}), func(o *function.Options) {
				o.Notes, o.DryRun = notes, test.dry
			})
			a := functiontest.Alert(map[string]string{"alertname": map[string]string{"done": "Done", "failed": "Failed"}[name]})
			functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now()))
			if err := f.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if test.message == "" {
				if len(notes.notes) != 0 {
					t.Errorf("noted %+v", <-notes.notes)
				}
				return
			}
			n := <-notes.notes
			if n.Message != test.message || n.Warning != test.warning || n.Object != *object || n.Function != "tester" || len(notes.notes) != 0 {
				t.Errorf("noted %+v", n)
			}
		})
	}
}
