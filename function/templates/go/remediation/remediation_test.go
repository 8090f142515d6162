package function

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function/remedy"
	"github.com/quench-dev/quench/function/remedy/remedytest"
)

func TestMain(m *testing.M) { remedytest.Main(m) }

const objects = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: NAMESPACE }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: app, image: "app:1" }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: paused, namespace: NAMESPACE }
spec:
  paused: true
  selector: { matchLabels: { app: paused } }
  template:
    metadata: { labels: { app: paused } }
    spec: { containers: [{ name: app, image: "app:1" }] }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: by-hand, namespace: NAMESPACE }
spec:
  updateStrategy: { type: OnDelete }
  selector: { matchLabels: { app: by-hand } }
  template:
    metadata: { labels: { app: by-hand } }
    spec: { containers: [{ name: app, image: "app:1" }] }
`

// restarted is when the Deployment web was restarted; empty where it was not.
func restarted(t *testing.T, w *remedytest.World) string {
	t.Helper()
	at, _, err := unstructured.NestedString(w.Get(t, remedy.Deployment, "web").Object, "spec", "template", "metadata", "annotations", restartedAt)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestRestartsOnce(t *testing.T) {
	w := remedytest.New(t)
	w.Create(t, objects)
	f := w.Function(t, remediation(), "")
	alert := w.Alert("alertname", "AppHangs", "deployment", "web")
	event := w.Event(t, alert)
	first := w.Deliver(t, f, event)
	first.Want(t, remedy.Succeeded, "Restarted")
	at := restarted(t, w)
	if at == "" {
		t.Fatal("it was not restarted")
	}
	again := w.Deliver(t, f, event)
	again.Want(t, remedy.Succeeded, "Restarted")
	if again.ID != first.ID || again.Message != first.Message {
		t.Errorf("a redelivery is told as %s, want %s", again.Message, first.Message)
	}
	w.Handle(t, f, remedytest.Resolved(alert)).Want(t, remedy.Skipped, "Resolved")
	if now := restarted(t, w); now != at {
		t.Errorf("restarted at %s and again at %s", at, now)
	}
}

func TestLeavesAlone(t *testing.T) {
	w := remedytest.New(t)
	w.Create(t, objects)
	for name, test := range map[string]struct{ label, value, reason string }{
		"a rollout that is paused":      {"deployment", "paused", "RolloutPaused"},
		"pods that somebody deletes":    {"daemonset", "by-hand", "OnDelete"},
		"what is not there":             {"deployment", "we", "TargetNotFound"},
		"an alert that names no object": {"severity", "critical", "NoTarget"},
	} {
		t.Run(name, func(t *testing.T) {
			f := w.Function(t, remediation(), "")
			w.Handle(t, f, w.Alert("alertname", "AppHangs", test.label, test.value)).Want(t, remedy.Skipped, test.reason)
		})
	}
}

func TestKeepsToThePolicy(t *testing.T) {
	w := remedytest.New(t)
	w.Create(t, objects)
	for policy, want := range map[string]struct {
		outcome remedy.Outcome
		reason  string
	}{
		"paused: true":                                      {remedy.Skipped, "Paused"},
		"dryRun: true":                                      {remedy.Planned, "DryRun"},
		"defaults: {mode: propose}":                         {remedy.Planned, "Proposed"},
		"defaults: {protectedNamespaces: ['*']}":            {remedy.Skipped, "NamespaceProtected"},
		`defaults: {alerts: ['remediation="another"']}`:     {remedy.Skipped, "AlertNotAllowed"},
		"ownFunctions: [another]\nfunctions: {another: {}}": {remedy.Succeeded, "Restarted"},
	} {
		t.Run(policy, func(t *testing.T) {
			before := restarted(t, w)
			f := w.Function(t, remediation(), policy)
			w.Handle(t, f, w.Alert("alertname", "AppHangs", "deployment", "web", "under", policy)).Want(t, want.outcome, want.reason)
			if did := restarted(t, w) != before; did != (want.outcome == remedy.Succeeded) {
				t.Errorf("restarted: %v", did)
			}
		})
	}
}

// The table that each of quench's own functions passes.
func TestConforms(t *testing.T) {
	remedytest.Conform(t, remedytest.Subject{
		Remedy: remediation(), Objects: objects,
		Labels:  map[string]string{"deployment": "web"},
		Missing: map[string]string{"deployment": "nobody"},
		Effects: func(t *testing.T, w *remedytest.World) int {
			return int(w.Get(t, remedy.Deployment, "web").GetGeneration()) - 1
		},
	})
}
