package function_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
)

func TestOutcomeEvent(t *testing.T) {
	w := functiontest.New(t)
	f := build(t, w, one(step{function.Plan{Target: target, Summary: "roll back"}, done}), nil)
	e := firing(t, w)
	e.SetExtension("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	o := functiontest.Handle(t, f, e)
	o.Want(t, function.Succeeded, function.ReasonDone)
	a, err := alert.FromEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	if want := alert.Hash(e.ID(), "tester", "succeeded"); o.ID != want {
		t.Errorf("id is %s, want %s", o.ID, want)
	}
	for name, want := range map[string]any{
		"causationid": e.ID(), "correlationid": a.CorrelationID(), "action": "tester", "partitionkey": a.Fingerprint,
		"alertname": "Burns", "pod": "x", "labeltype": "a", "traceparent": e.Extensions()["traceparent"],
	} {
		if o.Attributes[name] != want {
			t.Errorf("%s is %v, want %v", name, o.Attributes[name], want)
		}
	}
	if o.Subject != target || !strings.HasSuffix(string(o.Raw), `,"alert":`+string(e.Data())+"}") {
		t.Errorf("subject %s, data %s", o.Subject, o.Raw)
	}
	reply, err := f.Handle(t.Context(), event.Event{Context: event.EventContextV1{Type: o.Type}.AsV1()})
	if reply != nil || err != nil {
		t.Errorf("an outcome is answered with %v, %v", reply, err)
	}
}

func TestDecidedBeforeAnyCall(t *testing.T) {
	world := &functiontest.World{Clock: &functiontest.Clock{}}
	never := one(step{function.Plan{Target: target, Summary: "roll back"}, func(context.Context) (function.Result, error) { panic("applied") }})
	for name, test := range map[string]struct {
		action  function.Action
		event   func(*event.Event)
		options func(*function.Options)
		outcome function.Outcome
		reason  string
	}{
		"stale":        {never, func(e *event.Event) { e.SetExtension("recordedtime", time.Now().Add(-2*time.Hour)) }, nil, function.Skipped, function.ReasonStale},
		"no time":      {never, func(e *event.Event) { e.SetExtension("recordedtime", nil) }, nil, function.Failed, function.ReasonBadEvent},
		"other time":   {never, func(e *event.Event) { e.SetExtension("recordedtime", "soon") }, nil, function.Failed, function.ReasonBadEvent},
		"not an alert": {never, func(e *event.Event) { e.DataEncoded = []byte(`{"status":1}`) }, nil, function.Failed, function.ReasonBadEvent},
		"no data":      {never, func(e *event.Event) { e.DataEncoded = nil }, nil, function.Failed, function.ReasonBadEvent},
		"other status": {never, func(e *event.Event) { e.SetType(alert.TypeResolved) }, nil, function.Failed, function.ReasonBadEvent},
		"dry run":      {never, nil, func(o *function.Options) { o.DryRun = true }, function.Planned, function.ReasonDryRun},
		"no steps":     {action{func(*function.Request) ([]function.Step, error) { return nil, nil }}, nil, nil, function.Skipped, function.ReasonNotConcerned},
		"plan panics":  {action{func(*function.Request) ([]function.Step, error) { panic("oh") }}, nil, nil, function.Failed, function.ReasonPanic},
		"plan skips":   {action{func(*function.Request) ([]function.Step, error) { return nil, function.Skip("Paused", "paused") }}, nil, nil, function.Skipped, "Paused"},
		"plan fails":   {action{func(*function.Request) ([]function.Step, error) { return nil, errors.New("no") }}, nil, nil, function.Failed, function.ReasonFailed},
		"guard":        {never, nil, func(o *function.Options) { o.Firing = guard{function.Skip("Paused", "paused")} }, function.Skipped, "Paused"},
		"step refused": {one(step{plan: function.Plan{Target: target, Err: function.Fail("Gone", "gone")}}), nil, nil, function.Failed, "Gone"},
		"wrapped skip": {action{func(*function.Request) ([]function.Step, error) {
			return nil, fmt.Errorf("plan: %w", function.Skip("Paused", "paused"))
		}}, nil, nil, function.Skipped, "Paused"},
	} {
		t.Run(name, func(t *testing.T) {
			f := build(t, world, test.action, func(o *function.Options) {
				o.Locks, o.Records = unreachable{}, unreachable{}
				if test.options != nil {
					test.options(o)
				}
			})
			e := firing(t, world)
			if test.event != nil {
				test.event(&e)
			}
			functiontest.Handle(t, f, e).Want(t, test.outcome, test.reason)
		})
	}
	t.Run("guard that may pass", func(t *testing.T) {
		f := build(t, world, never, func(o *function.Options) {
			o.Locks, o.Records = unreachable{}, unreachable{}
			o.Verify = guard{function.Retry(errors.New("keys unreadable"))}
		})
		wantRetry(t, f, firing(t, world), "keys unreadable")
	})
	t.Run("no store", func(t *testing.T) {
		f := build(t, world, never, func(o *function.Options) { o.Locks, o.Records = unreachable{}, unreachable{} })
		wantRetry(t, f, firing(t, world), "API server away")
	})
	t.Run("broken", func(t *testing.T) {
		f := function.Broken(errors.New("JOBS_FILE=x: gone"))
		if err := f.Start(t.Context(), nil); err == nil || err.Error() != "JOBS_FILE=x: gone" {
			t.Errorf("start says %v", err)
		}
		if ready, err := f.Ready(t.Context()); ready || err == nil {
			t.Errorf("ready is %v, %v", ready, err)
		}
		wantRetry(t, f, firing(t, world), "gone")
	})
}

type guard struct{ err error }

func (g guard) Admit(context.Context, *function.Request) error { return g.err }
