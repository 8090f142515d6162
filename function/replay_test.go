package function_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
)

// replayed is the event as quench replay sends it.
func replayed(e event.Event, now time.Time) event.Event {
	e = e.Clone()
	e.SetExtension(alert.AttrReplayedTime, types.FormatTime(now))
	return e
}

// counting counts what is done about firing alerts, and leaves the mark of those that resolve.
func counting(runs *atomic.Int32) action {
	return action{func(r *function.Request) ([]function.Step, error) {
		p := function.Plan{Target: target}
		if r.Resolved() {
			return []function.Step{checked{step{plan: p}, function.Skip(function.ReasonResolved, "over")}}, nil
		}
		return []function.Step{step{p, func(context.Context) (function.Result, error) {
			runs.Add(1)
			return function.Result{}, nil
		}}}, nil
	}}
}

// What a function missed in an outage is done when it is replayed, and once, however often it is.
func TestReplayedEventActsOnce(t *testing.T) {
	w := functiontest.New(t)
	var runs atomic.Int32
	f := build(t, w, counting(&runs), nil)
	missed := firing(t, w)
	for range 3 {
		w.Clock.Advance(time.Minute)
		functiontest.Handle(t, f, replayed(missed, w.Clock.Now())).Want(t, function.Succeeded, function.ReasonDone)
	}
	if runs.Load() != 1 {
		t.Errorf("acted %d times, want once", runs.Load())
	}
}

// The alert resolved before the replay, and the function knows: it was told then, or in the same replay before.
func TestReplayedEventOfAResolvedAlertIsSkipped(t *testing.T) {
	w := functiontest.New(t)
	var runs atomic.Int32
	f := build(t, w, counting(&runs), nil)
	a := functiontest.Alert(map[string]string{"alertname": "Burns"})
	missed := functiontest.Event(t, a, w.Clock.Now())
	w.Clock.Advance(time.Minute)
	over := functiontest.Event(t, functiontest.Resolved(a), w.Clock.Now())
	w.Clock.Advance(time.Minute)
	functiontest.Handle(t, f, replayed(over, w.Clock.Now())).Want(t, function.Skipped, function.ReasonResolved)
	functiontest.Handle(t, f, replayed(missed, w.Clock.Now())).Want(t, function.Skipped, function.ReasonAlertResolved)
	if runs.Load() != 0 {
		t.Error("acted on an alert that is over")
	}
}

// An old event is done only where Alertmanager says that the alert fires still, or an operator signed it; where
// Alertmanager says that it does not, not even then.
func TestOldReplayedEvent(t *testing.T) {
	k := newKeys(t)
	for name, test := range map[string]struct {
		key     *alert.SigningKey
		asked   bool // there is an Alertmanager to ask
		fires   bool
		outcome function.Outcome
		reason  string
	}{
		"nobody to ask":                      {k.adapter, false, false, function.Skipped, function.ReasonStale},
		"fires still":                        {k.adapter, true, true, function.Succeeded, function.ReasonDone},
		"fires no longer":                    {k.adapter, true, false, function.Skipped, function.ReasonNotFiring},
		"an operator's":                      {k.alice, false, false, function.Succeeded, function.ReasonDone},
		"an operator's that fires no longer": {k.alice, true, false, function.Skipped, function.ReasonNotFiring},
	} {
		t.Run(name, func(t *testing.T) {
			w := functiontest.New(t)
			var runs atomic.Int32
			a := functiontest.Alert(map[string]string{"alertname": "Burns"})
			f := build(t, w, counting(&runs), func(o *function.Options) {
				o.Verify = function.Provenance{Keys: k.folder}
				if test.asked {
					o.Firing = firingGuard(t, a, test.fires)
				}
			})
			e := sign(t, test.key, functiontest.Event(t, a, w.Clock.Now()))
			w.Clock.Advance(3 * time.Hour)
			functiontest.Handle(t, f, replayed(e, w.Clock.Now())).Want(t, test.outcome, test.reason)
			if want := map[bool]int32{true: 1}[test.outcome == function.Succeeded]; runs.Load() != want {
				t.Errorf("acted %d times, want %d", runs.Load(), want)
			}
		})
	}
}

// firingGuard asks a stand-in for Alertmanager's API, which knows the alert or none; tests/firing_test.go has the real one.
func firingGuard(t *testing.T, a *alert.Alert, fires bool) *function.StillFiring {
	t.Helper()
	body := "[]"
	if fires {
		body = `[{"fingerprint":"` + a.Fingerprint + `","status":{"state":"active"}}]`
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &function.StillFiring{URLs: []url.URL{*u}, Client: server.Client()}
}

// Under a new id that an operator signed it is done again, once for that id, and is the same alert still for what
// Alertmanager itself sends.
func TestEventSentAgainUnderANewID(t *testing.T) {
	k := newKeys(t)
	w := functiontest.New(t)
	var runs atomic.Int32
	f := build(t, w, counting(&runs), func(o *function.Options) { o.Verify = function.Provenance{Keys: k.folder} })
	a := functiontest.Alert(map[string]string{"alertname": "Burns"})
	first := sign(t, k.adapter, functiontest.Event(t, a, w.Clock.Now()))
	functiontest.Handle(t, f, first).Want(t, function.Succeeded, function.ReasonDone)

	again := first.Clone()
	again.SetID("again-" + first.ID())
	again.SetExtension(alert.AttrCausationID, first.ID())
	functiontest.Handle(t, f, again).Want(t, function.Skipped, function.ReasonBadSignature)
	again = sign(t, k.alice, again)
	for range 2 {
		o := functiontest.Handle(t, f, replayed(again, w.Clock.Now()))
		o.Want(t, function.Succeeded, function.ReasonDone)
		if o.SignedBy != "alice" || o.EventID != again.ID() {
			t.Errorf("the outcome names %q and event %s", o.SignedBy, o.EventID)
		}
	}
	w.Clock.Advance(time.Minute)
	functiontest.Handle(t, f, sign(t, k.adapter, functiontest.Event(t, a, w.Clock.Now()))).Want(t, function.Succeeded, function.ReasonDone)
	if runs.Load() != 2 {
		t.Errorf("acted %d times, want twice", runs.Load())
	}
}
