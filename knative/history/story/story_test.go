package story_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/story"
)

var start = time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

// planner is an action that would do something; in a dry run it needs no cluster.
type planner struct{}

func (planner) Name() string { return "rollback" }

func (planner) Plan(context.Context, *function.Request) ([]function.Step, error) {
	return []function.Step{planned{}}, nil
}

type planned struct{}

func (planned) Plan() function.Plan {
	return function.Plan{Target: "apps/v1/deployments/shop/frontend", Summary: "roll back to revision 3"}
}
func (planned) Apply(context.Context) (function.Result, error) { panic("applied in a dry run") }

// outcome is a real function's about an event.
func outcome(t *testing.T, e event.Event, at time.Time) event.Event {
	t.Helper()
	f, err := function.New(planner{}, function.Options{DryRun: true, Now: func() time.Time { return at }, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := f.Handle(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return *reply
}

// An alert that was missed, replayed, acted on, sent again on purpose, and over.
func TestOf(t *testing.T) {
	a := functiontest.Alert(map[string]string{"alertname": "Burns", "namespace": "shop", "pod": "frontend-1"})
	firing := functiontest.Event(t, a, after(0))
	over := functiontest.Event(t, functiontest.Resolved(a), after(time.Hour))
	again := firing.Clone()
	again.SetID("again")
	again.SetExtension(alert.AttrCausationID, firing.ID())
	approval, err := function.NewApproval(&record.Record{Name: "r", Function: "rollback", Target: "t", CorrelationID: a.CorrelationID(), Proposal: &record.Proposal{ID: "p"}}, true, after(0))
	if err != nil {
		t.Fatal(err)
	}
	other := event.New()
	other.SetID("other")
	other.SetType("com.example.note")
	other.SetSource("/example")
	replayedAt := after(20 * time.Minute)
	told := story.Of([]history.Entry{
		{Seq: 1, Received: after(time.Second), Arrivals: 3, Event: firing, DeadLetter: &history.DeadLetter{
			At: after(time.Minute), Destination: "http://rollback", Code: "503", Reason: "no endpoints", Count: 2, Redelivered: &replayedAt,
		}},
		{Seq: 3, Received: after(30 * time.Minute), Arrivals: 1, Event: again},
		{Seq: 2, Received: after(21 * time.Minute), Arrivals: 2, Event: outcome(t, firing, after(20*time.Minute+time.Second))},
		{Seq: 4, Received: after(31 * time.Minute), Arrivals: 1, Event: approval},
		{Seq: 5, Received: after(32 * time.Minute), Arrivals: 1, Event: other},
		{Seq: 6, Received: after(time.Hour), Arrivals: 1, Event: over, DeadLetter: &history.DeadLetter{At: after(2 * time.Hour), Code: "500", Count: 1}},
	})
	want := []struct{ what, says string }{
		{"firing", "fires: Burns (shop/frontend-1), for receiver quench (came 3 times: repeats, redeliveries and replays)"},
		{"dead letter", "not taken by http://rollback, which answered 503: no endpoints (the last of 2 times)"},
		{"replayed", "sent again by a replay, and taken"},
		{"planned", "rollback planned (DryRun) on apps/v1/deployments/shop/frontend: roll back to revision 3 (a dry run) (told 2 times)"},
		{"sent again", "sent again on purpose, as again for " + firing.ID()},
		{"approved", "an operator approved what rollback had proposed"},
		{"event", "com.example.note from /example"},
		{"resolved", "is over: Burns (shop/frontend-1)"},
		{"dead letter", "not taken by a subscriber, which answered 500; it waits: quench replay --dead-letters sends it again"},
	}
	if len(told) != len(want) {
		t.Fatalf("%d moments, want %d: %+v", len(told), len(want), told)
	}
	for i, w := range want {
		if told[i].What != w.what || !strings.HasPrefix(told[i].Text, w.says) {
			t.Errorf("%d: %s %s: %s; want %s: %s", i, told[i].At.Format(time.TimeOnly), told[i].What, told[i].Text, w.what, w.says)
		}
	}
}

// What others wrote and cannot be read is said to be so.
func TestOfWhatCannotBeRead(t *testing.T) {
	e := event.New()
	e.SetID("x")
	e.SetSource("/quench/rollback")
	e.SetType("dev.quench.action.failed")
	told := story.Of([]history.Entry{{Event: e, Received: start}})
	if len(told) != 1 || told[0].What != "failed" || told[0].Text != "rollback, in words that cannot be read" || !told[0].At.Equal(start) {
		t.Errorf("told %+v", told)
	}
}

func TestAbout(t *testing.T) {
	for want, labels := range map[string]map[string]string{
		"Burns":                   {"alertname": "Burns"},
		"Burns (shop)":            {"alertname": "Burns", "namespace": "shop"},
		"Burns (shop/frontend)":   {"alertname": "Burns", "namespace": "shop", "deployment": "frontend", "node": "n1"},
		"Burns (n1)":              {"alertname": "Burns", "node": "n1"},
		"Burns (shop/frontend-1)": {"alertname": "Burns", "namespace": "shop", "pod": "frontend-1", "deployment": "frontend"},
	} {
		if got := story.About(functiontest.Event(t, functiontest.Alert(labels), start)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
