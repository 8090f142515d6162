package knative_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/note"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/function/remedy"
	"github.com/quench-dev/quench/function/target"
)

const template = "../function/templates/go/remediation"

// ofTemplate are the objects of the template's files, one after the other, for a function of this name.
func ofTemplate(t *testing.T, name string, files ...string) []*unstructured.Unstructured {
	t.Helper()
	var all []byte
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(template, file))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return decode(t, bytes.ReplaceAll(all, []byte("NAME"), []byte(name)))
}

// The template's Triggers are those of quench's own functions, under another name.
func TestTemplatesTriggersAreLikeRollbacks(t *testing.T) {
	all := ofTemplate(t, "rollback", "rbac.yaml", "trigger.yaml") // as the README's sed has them
	theirs := all[len(ofTemplate(t, "rollback", "rbac.yaml")):]
	ours := slices.Concat(read(t, "base/rollback/trigger.yaml"), read(t, "base/rollback/approvals.yaml"))
	if len(theirs) != len(ours) {
		t.Fatalf("%d Triggers, want %d", len(theirs), len(ours))
	}
	for i, o := range ours {
		o.SetNamespace("quench")
		if !reflect.DeepEqual(theirs[i].Object, o.Object) {
			t.Errorf("got  %v\nwant %v", theirs[i].Object, o.Object)
		}
	}
}

// A function that patches what the template's does, as its ServiceAccount, does all that it can do with the template's rights,
// and nothing that it may do is left over.
func TestTemplatesRightsAreWhatItUses(t *testing.T) {
	w := functiontest.New(t)
	granted := grant(t, w, "restart", slices.Concat(build(t, "overlays/standard"), ofTemplate(t, "restart", "rbac.yaml")))
	emptyPolicy(t, w)
	for kind, name := range map[string]string{"Deployment": "web", "StatefulSet": "db", "DaemonSet": "agent"} {
		release(t, w, kind, name, "app:1")
	}
	used := &usage{}
	alertOf := func(labels map[string]string) event.Event {
		labels["namespace"] = w.Namespace
		a := functiontest.Alert(labels)
		a.StartsAt = w.Clock.Now()
		return functiontest.Event(t, a, w.Clock.Now())
	}
	deliver := func(f *function.Function, e event.Event) functiontest.Outcome {
		for { // a controller may write the object's status between look and patch
			reply, err := f.Handle(t.Context(), e)
			if err == nil {
				return functiontest.Read(t, reply)
			}
			if !strings.Contains(err.Error(), "the object has been modified") {
				t.Fatal(err)
			}
		}
	}
	f := restarter(t, w, used, nil)
	for label, name := range map[string]string{"statefulset": "db", "daemonset": "agent", "pod": podOf(t, w, "web", "app:1")} {
		deliver(f, alertOf(map[string]string{"alertname": "A", label: name})).Want(t, function.Succeeded, "Restarted")
	}
	deliver(f, alertOf(map[string]string{"alertname": "A", "pod": "gone-zzzzz"})).Want(t, function.Skipped, target.ReasonTargetNotFound)

	// An attempt that is cut off: its lock is taken over, and what it did is found.
	e := alertOf(map[string]string{"alertname": "B", "deployment": "web"})
	cut := restarter(t, w, used, func(r *http.Request) bool { return r.Method == http.MethodDelete || r.Method == http.MethodPut })
	if _, err := cut.Handle(t.Context(), e); err == nil {
		t.Fatal("an attempt whose outcome cannot be recorded is answered")
	}
	w.Clock.Advance(31 * time.Second)
	if o := deliver(f, e); o.Outcome != function.Succeeded {
		t.Errorf("%s", o.Raw)
	}
	w.Clock.Advance(3 * time.Hour) // past RecordTTL: the next action sweeps
	deliver(f, alertOf(map[string]string{"alertname": "C", "statefulset": "db"})).Want(t, function.Succeeded, "Restarted")
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	// Beside these there is what all functions share (records of what was proposed before, or acted on again), and what tells
	// a Job's pod from others.
	got := append(used.sorted(), "update remediations", "get jobs")
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, granted) {
		t.Errorf("it uses  %v\nit may do %v", got, granted)
	}
}

func restarter(t *testing.T, w *functiontest.World, used *usage, lost func(*http.Request) bool) *function.Function {
	t.Helper()
	client := used.client(w, "restart", lost)
	a, err := remedy.Action(remedy.Remedy{
		Name: "restart", Kinds: []remedy.Kind{remedy.Deployment, remedy.StatefulSet, remedy.DaemonSet}, Repeatable: true,
		Plan: func(_ context.Context, c *remedy.Case) (remedy.Plan, error) {
			return remedy.Plan{Summary: "restart " + c.String()}, nil
		},
		Apply: func(ctx context.Context, c *remedy.Case, _ remedy.Plan) (remedy.Result, error) {
			now := map[string]any{"annotations": map[string]any{"kubectl.kubernetes.io/restartedAt": w.Clock.Now().Format(time.RFC3339Nano)}}
			err := c.Patch(ctx, map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": now}}})
			return remedy.Result{Reason: "Restarted"}, err
		},
	}, client, "")
	if err != nil {
		t.Fatal(err)
	}
	f, err := function.New(a, function.Options{
		Locks:   &lease.Locker{Client: client, Function: "restart", Duration: 30 * time.Second, Now: w.Clock.Now},
		Records: &record.Remediations{Client: client}, RecordTTL: 2 * time.Hour,
		MaxEventAge: time.Hour, ApplyTimeout: 20 * time.Second, Now: w.Clock.Now, Notes: &note.Events{Client: client},
		Policy: &policy.Source{Client: client, ConfigMap: "quench-policy"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
