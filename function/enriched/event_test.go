package enriched_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/enriched"
)

var at = time.Date(2026, 11, 20, 22, 1, 2, 0, time.UTC)

// cause is the event of an alert with an odd label.
func cause(t *testing.T) (event.Event, *alert.Alert) {
	t.Helper()
	p, err := alert.Decode([]byte(`{"receiver":"quench","alerts":[{"status":"firing","labels":{"alertname":"Burns","pod":"x","type":"<&>"},
		"startsAt":"2026-11-20T22:00:00Z","fingerprint":"c0ffee0123456789","unknown": [1, 2]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	e, err := (&alert.Encoder{Source: alert.Source("test")}).ToEvent(p.Alerts[0], at)
	if err != nil {
		t.Fatal(err)
	}
	e.SetExtension("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	e.SetExtension(alert.AttrSignature, "deadbeef")
	return e, p.Alerts[0]
}

func TestEventComesBack(t *testing.T) {
	of, a := cause(t)
	code := int32(137)
	found := enriched.Data{
		Target: "apps/v1/deployments/shop/frontend", Reason: "OOMKilled", Message: "container web ended",
		Pod:        &enriched.Pod{Namespace: "shop", Name: "x", Phase: "Running", Restarts: 3, CreatedAt: &at},
		Containers: []enriched.Container{{Name: "web", State: "terminated", ExitCode: &code, Last: &enriched.Ended{Reason: "OOMKilled", ExitCode: 137, FinishedAt: &at}}},
		Events:     []enriched.Event{{Type: "Warning", Reason: "BackOff", Object: "Pod shop/x", Count: 2, Last: &at}},
		Logs:       []enriched.Log{{Container: "web", Text: "<html> & more\n", Truncated: true}},
		Owner:      &enriched.Owner{Kind: "Deployment", Namespace: "shop", Name: "frontend", ManagedBy: []string{"Argo CD application shop"}},
		Rollout:    &enriched.Rollout{State: enriched.RolloutStuck, Desired: 2},
		Node:       &enriched.Node{Name: "n", Conditions: []enriched.Condition{{Type: "Ready", Status: "True", Since: &at}}},
		Suggestion: &enriched.Suggestion{Action: "raise-memory-limit", Text: "It needs more.", Runbook: "https://example.com"},
		Missing:    []enriched.Missing{{Part: "logs", Why: "forbidden"}},
	}
	e, err := enriched.ToEvent(of, a, found, at)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]any{
		"type":           {e.Type(), "dev.quench.alert.enriched"},
		"source":         {e.Source(), "/quench/enricher"},
		"subject":        {e.Subject(), of.Subject()},
		"causation id":   {e.Extensions()[alert.AttrCausationID], of.ID()},
		"correlation id": {e.Extensions()[alert.AttrCorrelationID], of.Extensions()[alert.AttrCorrelationID]},
		"partition key":  {e.Extensions()[alert.AttrPartitionKey], "c0ffee0123456789"},
		"recorded time":  {e.Extensions()[alert.AttrRecordedTime], of.Extensions()[alert.AttrRecordedTime]},
		"receiver":       {e.Extensions()[alert.AttrReceiver], "quench"},
		"trace":          {e.Extensions()["traceparent"], of.Extensions()["traceparent"]},
		"label":          {e.Extensions()["pod"], "x"},
		"reserved label": {e.Extensions()["labeltype"], "<&>"},
		"signature":      {e.Extensions()[alert.AttrSignature], nil},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	if alert.IsAlert(e) {
		t.Error("an enriched alert is taken for an alert")
	}
	got, err := enriched.Decode(e)
	if err != nil {
		t.Fatal(err)
	}
	found.EventID = of.ID()
	if !reflect.DeepEqual(got.Data, found) {
		t.Errorf("got %+v, want %+v", got.Data, found)
	}
	if !bytes.Equal(got.Alert.Data(), of.Data()) || got.Alert.ID() != a.ID() {
		t.Errorf("the alert became %s", got.Alert.Data())
	}
}

// The alert event that comes again is told under the same id; another is not.
func TestIdentity(t *testing.T) {
	of, a := cause(t)
	first, err := enriched.ToEvent(of, a, enriched.Data{}, at)
	if err != nil {
		t.Fatal(err)
	}
	again, err := enriched.ToEvent(of, a, enriched.Data{Reason: "OOMKilled"}, at.Add(time.Minute))
	if err != nil || again.ID() != first.ID() {
		t.Errorf("%s, then %s (%v)", first.ID(), again.ID(), err)
	}
	other := of.Clone()
	other.SetID("another")
	if next, err := enriched.ToEvent(other, a, enriched.Data{}, at); err != nil || next.ID() == first.ID() {
		t.Errorf("another event's is told as %s, too (%v)", next.ID(), err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	of, a := cause(t)
	for name, test := range map[string]struct {
		change func(*event.Event)
		says   string
	}{
		"an alert":             {func(e *event.Event) { *e = of }, `type: got "io.prometheus.alertmanager.alert.firing", want "dev.quench.alert.enriched"`},
		"no JSON":              {func(e *event.Event) { e.DataEncoded = []byte("{") }, "data: "},
		"no alert":             {func(e *event.Event) { e.DataEncoded = []byte("{}") }, "data.alert: missing"},
		"an alert of no kind":  {func(e *event.Event) { e.DataEncoded = []byte(`{"alert":[]}`) }, "data.alert: "},
		"an alert of no label": {func(e *event.Event) { e.DataEncoded = []byte(`{"alert":{"status":"firing"}}`) }, "data.alert: data.labels"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := enriched.ToEvent(of, a, enriched.Data{}, at)
			if err != nil {
				t.Fatal(err)
			}
			test.change(&e)
			if _, err := enriched.Decode(e); err == nil || !strings.HasPrefix(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}
