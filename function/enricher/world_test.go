package enricher_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/mask"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// world is enricher on a real API server, whose controllers make the pods of what is applied. It has no kubelet and no
// scheduler: the tests say of a pod what they would, and answer for its log.
type world struct {
	*functiontest.World
	kube *kubernetes.Clientset
	part time.Duration
	// log answers a request for a log; nil leaves it to the API server.
	log func(r *http.Request) string
	// around answers a request instead of the API server; nil, or an answer of nil, leaves it to that.
	around func(r *http.Request) (*http.Response, error)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := functiontest.New(t)
	return &world{World: w, kube: kubernetes.NewForConfigOrDie(w.Config), part: time.Minute}
}

// enricher is the function, as a process of its own would be.
func (w *world) enricher(t *testing.T) *function.Function {
	t.Helper()
	masker, err := mask.New(true)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := enricher.Load("", true)
	if err != nil {
		t.Fatal(err)
	}
	client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if r.Method != http.MethodGet {
			t.Errorf("it asks for %s %s", r.Method, r.URL.Path)
		}
		if w.around != nil {
			if answer, err := w.around(r); answer != nil || err != nil {
				return answer, err
			}
		}
		if w.log == nil || !strings.HasSuffix(r.URL.Path, "/log") {
			return next.RoundTrip(r)
		}
		return answered(r, "text/plain", w.log(r)), nil
	})
	return function.Listening(enricher.New(client, enricher.Options{Rules: rules, Masker: masker, Part: w.part, Now: w.Clock.Now}), function.Options{})
}

func (w *world) alert(labels ...string) *alert.Alert {
	set := map[string]string{"alertname": "Burns", "namespace": w.Namespace}
	for i := 0; i < len(labels); i += 2 {
		set[labels[i]] = labels[i+1]
	}
	return functiontest.Alert(set)
}

// enrich is the answer to an alert.
func (w *world) enrich(t *testing.T, a *alert.Alert) *enriched.Enriched {
	t.Helper()
	of := functiontest.Event(t, a, w.Clock.Now())
	reply, err := w.enricher(t).Handle(t.Context(), of)
	if err != nil || reply == nil {
		t.Fatalf("got %v, %v", reply, err)
	}
	got, err := enriched.Decode(*reply)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Subject() != a.Subject() || got.EventID != of.ID() || string(got.Alert.Data()) != string(a.Data()) {
		t.Errorf("it is about something else: %s", reply.Data())
	}
	return got
}

// apply applies YAML in which NS stands for the namespace.
func (w *world) apply(t *testing.T, text string) {
	t.Helper()
	text = strings.ReplaceAll(text, "NS", w.Namespace)
	kube.Apply(t, w.Config, []byte(text))
}

// pod waits for one with the label app.
func (w *world) pod(t *testing.T, app string) (pod *corev1.Pod) {
	t.Helper()
	kube.Eventually(t, "a pod of "+app, func(ctx context.Context) error {
		list, err := w.kube.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err == nil && len(list.Items) == 0 {
			err = errors.New("none yet")
		}
		if err == nil {
			pod = &list.Items[0]
		}
		return err
	})
	return pod
}

// kubelet says how a pod is, as a kubelet would. Controllers say something of it, too, so that it may take several tries.
func (w *world) kubelet(t *testing.T, name string, say func(*corev1.PodStatus)) {
	t.Helper()
	kube.Eventually(t, "the status of pod "+name, func(ctx context.Context) error {
		pod, err := w.kube.CoreV1().Pods(w.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		say(&pod.Status)
		_, err = w.kube.CoreV1().Pods(w.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
		return err
	})
}

// bind puts a pod on a new node, as the scheduler would.
func (w *world) bind(t *testing.T, pod string) (node string) {
	t.Helper()
	node = w.node(t)
	err := w.kube.CoreV1().Pods(w.Namespace).Bind(t.Context(), &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod}, Target: corev1.ObjectReference{Kind: "Node", Name: node},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// node makes one that runs short of memory.
func (w *world) node(t *testing.T) string {
	t.Helper()
	node, err := w.kube.CoreV1().Nodes().Create(t.Context(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "node-"},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "gpu", Value: "yes", Effect: corev1.TaintEffectNoSchedule}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.kube.CoreV1().Nodes().Delete(context.Background(), node.Name, metav1.DeleteOptions{})
	})
	kube.Eventually(t, "the status of the node", func(ctx context.Context) error {
		if node, err = w.kube.CoreV1().Nodes().Get(ctx, node.Name, metav1.GetOptions{}); err != nil {
			return err
		}
		node.Status.Conditions = []corev1.NodeCondition{
			{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: metav1.Now()},
			{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionTrue, Reason: "KubeletHasInsufficientMemory", Message: "kubelet has insufficient memory available", LastHeartbeatTime: metav1.Now()},
		}
		_, err = w.kube.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
		return err
	})
	return node.Name
}

// tells writes a Kubernetes Event on an object, as a kubelet, scheduler or controller would.
func (w *world) tells(t *testing.T, about corev1.ObjectReference, kind, reason, message string, at time.Time) {
	t.Helper()
	about.Namespace = w.Namespace
	_, err := w.kube.CoreV1().Events(w.Namespace).Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "told-"}, InvolvedObject: about, Type: kind, Reason: reason, Message: message,
		FirstTimestamp: metav1.NewTime(at), LastTimestamp: metav1.NewTime(at), Count: 3,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func of(pod *corev1.Pod) corev1.ObjectReference {
	return corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}
}

// missing are the parts that are.
func missing(e *enriched.Enriched) []string {
	var parts []string
	for _, m := range e.Missing {
		parts = append(parts, m.Part)
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

func why(e *enriched.Enriched, part string) string {
	var all []string
	for _, m := range e.Missing {
		if m.Part == part {
			all = append(all, m.Why)
		}
	}
	return strings.Join(all, "; ")
}

func waiting(name, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func deployment(name string) string {
	return fmt.Sprintf(`
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: NS, annotations: {argocd.argoproj.io/tracking-id: "shop:apps/Deployment:NS/%[1]s"}}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: web, image: "example.com/web:2"}, {name: helper, image: "example.com/helper:1"}]}
`, name)
}

// deploymentAs is the Deployment front with another status, as the API server would tell it.
func (w *world) deploymentAs(t *testing.T, paused bool, status appsv1.DeploymentStatus) string {
	t.Helper()
	d, err := w.kube.AppsV1().Deployments(w.Namespace).Get(t.Context(), "front", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.APIVersion, d.Kind = "apps/v1", "Deployment"
	d.Spec.Paused, d.Status = paused, status
	d.Status.ObservedGeneration = d.Generation
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// answered is a request that the API server has answered.
func answered(r *http.Request, contentType, text string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "OK", Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(text)),
	}
}
