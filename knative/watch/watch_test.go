package watch_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/watch"
)

const triggers = `apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: rollback, namespace: quench }
spec: { broker: default, filters: [{ exact: { remediation: rollback } }], subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: rollback } } }
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: archive, namespace: quench }
spec: { broker: default, subscriber: { ref: { apiVersion: v1, kind: Service, name: archive } } }
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: broken, namespace: quench }
spec: { broker: default, filters: [{ exact: { alertname: Panics } }, { cesql: alertname }], subscriber: { uri: "http://example.com/" } }
`

func load(t *testing.T) []*trigger.Trigger {
	t.Helper()
	file := filepath.Join(t.TempDir(), "triggers.yaml")
	if err := os.WriteFile(file, []byte(triggers), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := trigger.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSee(t *testing.T) {
	at := time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)
	w := watch.New(load(t))
	seq := int64(0)
	see := func(e event.Event, d *history.DeadLetter) watch.Sight {
		seq++
		return w.See(t.Context(), history.Entry{Seq: seq, Received: at, Arrivals: 1, Event: e, DeadLetter: d})
	}
	taken := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Burns", "namespace": "shop", "remediation": "rollback"}), at)
	s := see(taken, nil)
	if s.What != "firing" || !slices.Equal(s.Triggers, []string{"quench/rollback", "quench/archive"}) || s.String() != "Burns (shop) → quench/rollback, quench/archive" {
		t.Errorf("%+v: %s", s, s)
	}
	if s.CorrelationID == "" || s.ID != taken.ID() || s.Seq != 1 {
		t.Errorf("%+v", s)
	}

	outcome := event.New()
	outcome.SetID("o1")
	outcome.SetSource("/quench/rollback")
	outcome.SetType("dev.quench.action.succeeded")
	outcome.SetExtension("alertname", "Burns")
	outcome.SetExtension(alert.AttrCausationID, taken.ID())
	outcome.SetTime(at.Add(time.Second))
	if err := outcome.SetData("application/json", map[string]any{"function": "rollback", "outcome": "succeeded", "reason": "Done", "message": "rolled back"}); err != nil {
		t.Fatal(err)
	}
	if s := see(outcome, nil); s.What != "succeeded" || s.String() != "Burns: quench/rollback → rollback succeeded (Done): rolled back" {
		t.Errorf("%+v: %s", s, s)
	}
	outcome.SetExtension(alert.AttrCausationID, "of an alert that came before the watch")
	if s := see(outcome, nil); s.String() != "Burns: rollback succeeded (Done): rolled back" || s.Triggers != nil {
		t.Errorf("%+v: %s", s, s)
	}

	s = see(taken, &history.DeadLetter{At: at, Destination: "http://rollback", Code: "503", Count: 1})
	if s.What != "dead letter" || !strings.HasPrefix(s.String(), "Burns (shop): not taken by http://rollback, which answered 503") {
		t.Errorf("%+v: %s", s, s)
	}
	s = see(functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Panics"}), at), nil)
	if len(s.Errors) != 1 || !strings.Contains(s.String(), "quench/broken: ") || !strings.Contains(s.String(), "not a boolean") {
		t.Errorf("%+v: %s", s, s)
	}
	if s := watch.New(load(t)[:1]).See(t.Context(), history.Entry{Event: functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Smokes"}), at)}); s.String() != "Smokes: no Trigger takes it" {
		t.Errorf("%+v: %s", s, s)
	}
}
