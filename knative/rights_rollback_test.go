package knative_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/note"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/function/rollback"
	"github.com/quench-dev/quench/function/target"
	"github.com/quench-dev/quench/tests/kube"
)

const workload = `
apiVersion: apps/v1
kind: KIND
metadata: {name: NAME, namespace: NAMESPACE}
spec: {selector: {matchLabels: {app: NAME}}, template: {metadata: {labels: {app: NAME}}, spec: {containers: [{name: c, image: "IMAGE"}]}}}
`

// rollback, as its ServiceAccount, does all that it can do, and nothing of its own that it may do is left over.
func TestRollbackHasTheRightsThatItUses(t *testing.T) {
	w := functiontest.New(t)
	manifests := slices.Concat(build(t, "overlays/standard"), read(t, "samples/site/in-shop.yaml"))
	granted := grant(t, w, rollback.Name, manifests)
	emptyPolicy(t, w)
	for kind, name := range map[string]string{"Deployment": "web", "StatefulSet": "db", "DaemonSet": "agent"} {
		for _, image := range []string{"app:1", "app:2"} {
			release(t, w, kind, name, image)
		}
	}
	used := &usage{}
	firing := func(labels ...string) map[string]string {
		all := map[string]string{"alertname": "A", "namespace": w.Namespace}
		for i := 0; i < len(labels); i += 2 {
			all[labels[i]] = labels[i+1]
		}
		return all
	}
	handle := func(f *function.Function, labels ...string) functiontest.Outcome {
		a := functiontest.Alert(firing(labels...))
		a.StartsAt = w.Clock.Now()
		return functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now()))
	}
	f := roller(t, w, used, nil)
	handle(f, "statefulset", "db").Want(t, function.Succeeded, rollback.ReasonRolledBack)
	handle(f, "daemonset", "agent").Want(t, function.Succeeded, rollback.ReasonRolledBack)
	handle(f, "pod", podOf(t, w, "web", "app:2")).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	handle(f, "pod", "gone-zzzzz").Want(t, function.Skipped, target.ReasonTargetNotFound)

	// An attempt that is cut off: its lock is taken over.
	a := functiontest.Alert(firing("deployment", "web"))
	release(t, w, "Deployment", "web", "app:3")
	a.StartsAt = w.Clock.Now()
	e := functiontest.Event(t, a, w.Clock.Now())
	cut := roller(t, w, used, func(r *http.Request) bool { return r.Method == http.MethodDelete || r.Method == http.MethodPut })
	if _, err := cut.Handle(t.Context(), e); err == nil {
		t.Fatal("an attempt whose outcome cannot be recorded is answered")
	}
	w.Clock.Advance(31 * time.Second)
	functiontest.Handle(t, f, e).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.Clock.Advance(3 * time.Hour) // past RecordTTL: the next action sweeps
	release(t, w, "Deployment", "web", "app:4")
	handle(f, "pod", podOf(t, w, "web", "app:4")).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	// Beside these there is what all functions share: records of what was proposed before, or acted on again.
	got := append(used.sorted(), "update remediations")
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, granted) {
		t.Errorf("it uses  %v\nit may do %v", got, granted)
	}
}

func roller(t *testing.T, w *functiontest.World, used *usage, lost func(*http.Request) bool) *function.Function {
	t.Helper()
	client := used.client(w, rollback.Name, lost)
	f, err := function.New(rollback.New(client, rollback.Options{Now: w.Clock.Now}), function.Options{
		Locks:   &lease.Locker{Client: client, Function: rollback.Name, Duration: 30 * time.Second, Now: w.Clock.Now},
		Records: &record.Remediations{Client: client}, RecordTTL: 2 * time.Hour,
		MaxEventAge: time.Hour, ApplyTimeout: 20 * time.Second, Now: w.Clock.Now, Notes: &note.Events{Client: client},
		Policy: &policy.Source{Client: client, ConfigMap: "quench-policy", Known: []string{rollback.Name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// release brings out an image and waits until the object's controller has seen it.
func release(t *testing.T, w *functiontest.World, kind, name, image string) {
	t.Helper()
	kube.Apply(t, w.Config, []byte(strings.NewReplacer("KIND", kind, "NAMESPACE", w.Namespace, "NAME", name, "IMAGE", image).Replace(workload)))
	kube.Eventually(t, kind+" "+name, func(ctx context.Context) error {
		client, err := w.Client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: strings.ToLower(kind) + "s"}, w.Namespace)
		if err != nil {
			return err
		}
		o, err := client.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration"); seen < o.GetGeneration() {
			return fmt.Errorf("its controller has seen generation %d of %d", seen, o.GetGeneration())
		}
		return nil
	})
}

func podOf(t *testing.T, w *functiontest.World, app, image string) (name string) {
	t.Helper()
	client := kubernetes.NewForConfigOrDie(w.Config)
	kube.Eventually(t, "a pod of "+app+" with "+image, func(ctx context.Context) error {
		pods, err := client.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			if pod.Spec.Containers[0].Image == image {
				name = pod.Name
				return nil
			}
		}
		return fmt.Errorf("not among %d", len(pods.Items))
	})
	return name
}
