package replay_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/knative/replay"
	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

const triggers = `apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: tester, namespace: quench }
spec: { broker: default, filters: [{ exact: { alertname: Burns } }], subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: tester } } }
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: page, namespace: quench }
spec: { broker: default, filters: [{ exact: { severity: page } }], subscriber: { uri: "http://pager.example/" } }
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: broken, namespace: quench }
spec: { broker: default, filters: [{ exact: { alertname: Panics } }, { cesql: alertname }], subscriber: { uri: "http://pager.example/" } }
`

// tester is a function that does something, or proposes it, on a real API server.
type tester struct{}

func (tester) Name() string { return "tester" }

func (tester) Plan(_ context.Context, r *function.Request) ([]function.Step, error) {
	if r.Resolved() {
		return []function.Step{over{}}, nil
	}
	return []function.Step{step{}}, nil
}

type step struct{}

func (step) Plan() function.Plan { return function.Plan{Target: "apps/v1/deployments/shop/frontend"} }

func (step) Apply(context.Context) (function.Result, error) {
	return function.Result{Message: "did it"}, nil
}

type over struct{ step }

func (over) Check(context.Context) error { return function.Skip(function.ReasonResolved, "over") }

func forecaster(t *testing.T, w *functiontest.World) *replay.Forecaster {
	t.Helper()
	file := filepath.Join(t.TempDir(), "triggers.yaml")
	if err := os.WriteFile(file, []byte(triggers), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := trigger.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	f := &replay.Forecaster{Triggers: all, Acting: func(name string) bool { return name == "tester" }, MaxEventAge: time.Hour, Now: w.Clock.Now}
	if w.Client != nil {
		f.Records = &record.Remediations{Client: w.Client}
	}
	return f
}

// foresee is what the Trigger of tester comes to.
func foresee(t *testing.T, f *replay.Forecaster, e event.Event) replay.Forecast {
	t.Helper()
	all, err := f.Of(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		if one.Trigger == "quench/tester" {
			return one
		}
	}
	t.Fatalf("the Trigger does not take it: %+v", all)
	return replay.Forecast{}
}

func want(t *testing.T, got replay.Forecast, verdict replay.Verdict, says string) {
	t.Helper()
	if got.Verdict != verdict || !strings.Contains(got.Why, says) || got.Subscriber != "tester" {
		t.Errorf("%s %s: %s; want %s: %s", got.Subscriber, got.Verdict, got.Why, verdict, says)
	}
}

// What is foretold is what the real function then does.
func TestForecastIsWhatTheFunctionDoes(t *testing.T) {
	w := functiontest.New(t)
	actual, err := function.New(tester{}, function.Options{
		Locks:   &lease.Locker{Client: w.Client, Function: "tester", Duration: 3 * time.Second, Now: w.Clock.Now},
		Records: &record.Remediations{Client: w.Client}, MaxEventAge: time.Hour, Now: w.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	f := forecaster(t, w)
	a := burns(1)
	e := functiontest.Event(t, a, w.Clock.Now())
	want(t, foresee(t, f, e), replay.MayAct, "no record of it")
	functiontest.Handle(t, actual, e).Want(t, function.Succeeded, function.ReasonDone)

	want(t, foresee(t, f, e), replay.FromRecord, "succeeded at "+time.Now().UTC().Format("2006-01-02T"))
	functiontest.Handle(t, actual, e).Want(t, function.Succeeded, function.ReasonDone)

	again := e.Clone()
	again.SetID("again")
	want(t, foresee(t, f, again), replay.MayAct, "no record of it")
	functiontest.Handle(t, actual, again).Want(t, function.Succeeded, function.ReasonDone)

	missed := functiontest.Event(t, burns(2), w.Clock.Now())
	end := functiontest.Event(t, functiontest.Resolved(burns(2)), w.Clock.Now().Add(time.Second))
	want(t, foresee(t, f, end), replay.MayAct, "the alert is over")
	functiontest.Handle(t, actual, end).Want(t, function.Skipped, function.ReasonResolved)
	want(t, foresee(t, f, missed), replay.Skips, "AlertResolved")
	functiontest.Handle(t, actual, missed).Want(t, function.Skipped, function.ReasonAlertResolved)

	old := functiontest.Event(t, burns(3), w.Clock.Now().Add(-2*time.Hour))
	want(t, foresee(t, f, old), replay.Skips, "Stale: recorded 2h0m0s ago")
	functiontest.Handle(t, actual, old).Want(t, function.Skipped, function.ReasonStale)
	f.Signed = true
	want(t, foresee(t, f, old), replay.MayAct, "no record of it")
}

// What cannot be told without asking is said to be unknown.
func TestForecastOfTheUnknown(t *testing.T) {
	w := &functiontest.World{Clock: &functiontest.Clock{}}
	f := forecaster(t, w)
	e := functiontest.Event(t, burns(1), w.Clock.Now())
	want(t, foresee(t, f, e), replay.Unknown, "no cluster")

	p, err := policy.Parse("policy", []byte("paused: true\nreason: maintenance"), []string{"tester"})
	if err != nil {
		t.Fatal(err)
	}
	f.Policy = p
	want(t, foresee(t, f, e), replay.Skips, "Paused: quench is paused by its policy")

	for name, test := range map[string]struct {
		labels map[string]string
		want   []replay.Forecast
	}{
		"nobody's":       {map[string]string{"alertname": "Other"}, nil},
		"a URI":          {map[string]string{"alertname": "Other", "severity": "page"}, []replay.Forecast{{Trigger: "quench/page", Subscriber: "http://pager.example/", Verdict: replay.Unknown}}},
		"a filter fails": {map[string]string{"alertname": "Panics"}, []replay.Forecast{{Trigger: "quench/broken", Subscriber: "http://pager.example/", Verdict: replay.Unknown}}},
	} {
		got, err := f.Of(t.Context(), functiontest.Event(t, functiontest.Alert(test.labels), w.Clock.Now()))
		if err != nil || len(got) != len(test.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		for i := range got {
			got[i].Why = ""
			if got[i] != test.want[i] {
				t.Errorf("%s: %+v, want %+v", name, got[i], test.want[i])
			}
		}
	}
	e.SetExtension(alert.AttrRecordedTime, nil)
	if _, err := f.Of(t.Context(), e); err == nil || !strings.Contains(err.Error(), "recordedtime") {
		t.Errorf("an event without its time: %v", err)
	}
}
