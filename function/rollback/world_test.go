package rollback_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/function/rollback"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// world is rollback on a real API server, with the real controllers of
// Deployments, StatefulSets and DaemonSets. There is no kubelet: pods stay Pending.
type world struct {
	*functiontest.World
	kube *kubernetes.Clientset
}

func newWorld(t *testing.T) *world {
	w := functiontest.New(t)
	return &world{w, kubernetes.NewForConfigOrDie(w.Config)}
}

// function is rollback to the previous revision, as a process of its own would be.
func (w *world) function(t *testing.T) *function.Function {
	t.Helper()
	return w.functionOn(t, w.Client, rollback.Options{})
}

func (w *world) functionOn(t *testing.T, client *cluster.Client, o rollback.Options) *function.Function {
	t.Helper()
	o.Now = w.Clock.Now
	f, err := function.New(rollback.New(client, o), function.Options{
		Locks:        &lease.Locker{Client: client, Function: rollback.Name, Duration: 30 * time.Second, Now: w.Clock.Now},
		Records:      &record.Remediations{Client: client},
		MaxEventAge:  time.Hour,
		ApplyTimeout: 20 * time.Second,
		Now:          w.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// alert fires in the world's namespace, since now.
func (w *world) alert(labels ...string) *alert.Alert {
	all := map[string]string{"alertname": "PodPending", "namespace": w.Namespace}
	for i := 0; i < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	a := functiontest.Alert(all)
	a.StartsAt = w.Clock.Now()
	return a
}

// handle delivers the alert as a broker does: again, where a controller wrote a status between the look and the patch.
func (w *world) handle(t *testing.T, a *alert.Alert) functiontest.Outcome {
	t.Helper()
	f, e := w.function(t), functiontest.Event(t, a, w.Clock.Now())
	var reply *event.Event
	kube.Eventually(t, "an answer that is no conflict", func(ctx context.Context) (err error) {
		if reply, err = f.Handle(ctx, e); err != nil && !strings.Contains(err.Error(), "the object has been modified") {
			t.Fatalf("handle: %v", err)
		}
		return err
	})
	return functiontest.Read(t, reply)
}

const workloads = `
apiVersion: apps/v1
kind: KIND
metadata:
  name: NAME
  namespace: NAMESPACE
  annotations: {kubernetes.io/change-cause: "release IMAGE", team: shop}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}, annotations: {version: IMAGE}}
    spec:
      tolerations: [{operator: Exists}] # a node of these tests is never ready
      containers:
      - name: app
        image: IMAGE
        env: [{name: VERSION, value: IMAGE}, {name: API_TOKEN, value: secret-IMAGE}]
`

// release brings out another image and waits until the controllers have seen it.
func (w *world) release(t *testing.T, kind, name, image string) {
	t.Helper()
	kube.Apply(t, w.Config, []byte(strings.NewReplacer("KIND", kind, "NAMESPACE", w.Namespace, "NAME", name, "IMAGE", image).Replace(workloads)))
	w.settled(t, kind, name, image)
}

// releases brings out the images one after another.
func (w *world) releases(t *testing.T, kind, name string, images ...string) {
	t.Helper()
	for _, image := range images {
		w.release(t, kind, name, image)
	}
}

// settled waits until the newest revision is of this image.
func (w *world) settled(t *testing.T, kind, name, image string) {
	t.Helper()
	kube.Eventually(t, kind+" "+name+" to be at "+image, func(ctx context.Context) error {
		s, err := w.state(ctx, kind, name)
		if err != nil {
			return err
		}
		if s.image != image || s.observed < s.generation || len(s.revisions) == 0 || s.revisions[0].image != image {
			return fmt.Errorf("it is %+v", s)
		}
		return nil
	})
}

func (w *world) wantImage(t *testing.T, kind, name, image string) state {
	t.Helper()
	s, err := w.state(t.Context(), kind, name)
	if err != nil {
		t.Fatal(err)
	}
	if s.image != image {
		t.Errorf("%s %s has image %s, want %s", kind, name, s.image, image)
	}
	return s
}

// pod waits for one that was made from this image.
func (w *world) pod(t *testing.T, name, image string) string {
	t.Helper()
	var found string
	kube.Eventually(t, "a pod of "+name+" with "+image, func(ctx context.Context) error {
		pods, err := w.kube.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			return err
		}
		var there []string
		for _, pod := range pods.Items {
			there = append(there, pod.Name+" with "+pod.Spec.Containers[0].Image)
			if pod.Spec.Containers[0].Image == image && pod.DeletionTimestamp == nil {
				found = pod.Name
				return nil
			}
		}
		return fmt.Errorf("there are %q", there)
	})
	return found
}

// annotate writes an annotation of a Deployment and waits until its controller has seen that.
func (w *world) annotate(t *testing.T, name, annotation, value string) {
	t.Helper()
	w.kubectl(t, "annotate", "deployment", name, annotation+"="+value)
	s, err := w.state(t.Context(), "Deployment", name)
	if err != nil {
		t.Fatal(err)
	}
	w.settled(t, "Deployment", name, s.image)
}

func (w *world) deployment(ctx context.Context, name string) (*appsv1.Deployment, error) {
	return w.kube.AppsV1().Deployments(w.Namespace).Get(ctx, name, metav1.GetOptions{})
}

// patched says whether a request changes an object of this resource.
func patched(r *http.Request, resource string) bool {
	return r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/"+resource+"/")
}

// wantRetry wants the answer that makes the broker come again.
func wantRetry(t *testing.T, f *function.Function, e event.Event) {
	t.Helper()
	reply, err := f.Handle(t.Context(), e)
	var result *cehttp.Result
	if reply != nil || !errors.As(err, &result) || result.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("got %v, %v, want 503", reply, err)
	}
}
