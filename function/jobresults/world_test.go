package jobresults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"knative.dev/eventing/pkg/apis/sources"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/mask"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// world is job-results on a real API server, whose controllers make the Jobs' pods and end the Jobs. It has no kubelet:
// the tests say what became of a pod, and answer for its log.
type world struct {
	*functiontest.World
	kube *kubernetes.Clientset
	// asked are the requests of job-results, as "GET /path".
	asked []string
	// log answers a request for a log; nil leaves it to the API server.
	log func(r *http.Request) (int, string)
	// away is in the paths of requests that do not reach the API server; empty: all do.
	away string
}

func newWorld(t *testing.T) *world {
	w := functiontest.New(t)
	return &world{World: w, kube: kubernetes.NewForConfigOrDie(w.Config)}
}

// results is job-results, as a process of its own would be.
func (w *world) results(t *testing.T) *function.Function {
	t.Helper()
	masker, err := mask.New(true)
	if err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(w.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			w.asked = append(w.asked, r.Method+" "+r.URL.Path)
			if w.away != "" && strings.Contains(r.URL.Path, w.away) {
				return nil, errors.New("connection refused")
			}
			if w.log == nil || !strings.HasSuffix(r.URL.Path, "/log") {
				return next.RoundTrip(r)
			}
			code, text := w.log(r)
			return &http.Response{
				StatusCode: code, Status: http.StatusText(code), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader(text)),
			}, nil
		})
	})
	return function.Listening(jobresults.New(cluster.For(config, w.Namespace), masker), function.Options{})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var crash = functiontest.Alert(map[string]string{"alertname": "PodCrashLooping", "pod": "nginx-1", "price": "$(A) $$5 <&>"})

// The trace that the alert's event is in.
const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// run has the real job-runner make a Job for the alert, by a rule with these fields, and returns it and the event's id.
func (w *world) run(t *testing.T, rule string) (*batchv1.Job, string) {
	t.Helper()
	rules, err := jobrunner.Parse("rules.yaml", []byte("jobs:\n- {name: fix, alert: PodCrashLooping, "+rule+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := function.New(jobrunner.New(rules, w.Client, w.Clock.Now), function.Options{
		Locks:   &lease.Locker{Client: w.Client, Function: jobrunner.Name, Now: w.Clock.Now},
		Records: &record.Remediations{Client: w.Client}, Now: w.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	e := functiontest.Event(t, crash, w.Clock.Now())
	e.SetExtension("traceparent", traceParent)
	functiontest.Handle(t, f, e).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	list, err := w.kube.BatchV1().Jobs(w.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d Jobs (%v)", len(list.Items), err)
	}
	return &list.Items[0], e.ID()
}

// end says of a Job's pod what a kubelet would, and waits until the Job's controller has drawn its conclusion.
func (w *world) end(t *testing.T, job *batchv1.Job, state corev1.ContainerStateTerminated) *batchv1.Job {
	t.Helper()
	pod := w.pod(t, job)
	pod.Status.Phase = corev1.PodSucceeded
	if state.ExitCode != 0 {
		pod.Status.Phase = corev1.PodFailed
	}
	name := pod.Spec.Containers[0].Name
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: name, State: corev1.ContainerState{Terminated: &state}}}
	if _, err := w.kube.CoreV1().Pods(w.Namespace).UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	return w.awaitEnd(t, job)
}

// pod is the Job's, which its controller makes.
func (w *world) pod(t *testing.T, job *batchv1.Job) (pod *corev1.Pod) {
	t.Helper()
	kube.Eventually(t, "the Job's pod", func(ctx context.Context) error {
		pods, err := w.kube.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + job.Name})
		if err != nil || len(pods.Items) == 0 {
			return fmt.Errorf("%d pods (%w)", len(pods.Items), err)
		}
		pod = &pods.Items[0]
		return nil
	})
	return pod
}

// bind says on which node the Job's pod is, as a scheduler would.
func (w *world) bind(t *testing.T, job *batchv1.Job, node string) {
	t.Helper()
	pod := w.pod(t, job)
	err := w.kube.CoreV1().Pods(w.Namespace).Bind(t.Context(), &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: node},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) awaitEnd(t *testing.T, job *batchv1.Job) *batchv1.Job {
	t.Helper()
	kube.Eventually(t, "the Job's end", func(ctx context.Context) (err error) {
		if job, err = w.kube.BatchV1().Jobs(w.Namespace).Get(ctx, job.Name, metav1.GetOptions{}); err != nil {
			return err
		}
		for _, c := range job.Status.Conditions {
			if c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed {
				return nil
			}
		}
		return fmt.Errorf("conditions are %+v", job.Status.Conditions)
	})
	return job
}

// changed is the event that Knative's ApiServerSource sends in mode Reference of a Job that has changed (knative.dev/eventing
// pkg/adapter/apiserver/events); that it really does is proven on a cluster with Knative.
func changed(t *testing.T, namespace, name string) event.Event {
	t.Helper()
	e := event.New()
	e.SetID(rand.String(12))
	e.SetType(sources.ApiServerSourceUpdateRefEventType)
	e.SetSource("https://10.96.0.1:443")
	e.SetSubject("/apis/batch/v1/namespaces/" + namespace + "/jobs/" + name)
	for attribute, value := range map[string]string{"kind": "Job", "apiversion": "batch/v1", "name": name, "namespace": namespace} {
		e.SetExtension(attribute, value)
	}
	reference := corev1.ObjectReference{APIVersion: "batch/v1", Kind: "Job", Namespace: namespace, Name: name}
	if err := e.SetData(event.ApplicationJSON, reference); err != nil {
		t.Fatal(err)
	}
	return e
}

// result is an outcome, and its data's job.
type result struct {
	functiontest.Outcome
	Job struct {
		Reason, Pod, Container, ContainerReason, Log, LogMissing string
		StartedAt, FinishedAt                                    string
		ExitCode                                                 *int
		LogTruncated                                             bool
	}
}

func tell(t *testing.T, f *function.Function, e event.Event) result {
	t.Helper()
	var r result
	r.Outcome = functiontest.Handle(t, f, e)
	if err := json.Unmarshal(r.Raw, &struct{ Job any }{&r.Job}); err != nil {
		t.Fatalf("%v\n%s", err, r.Raw)
	}
	return r
}

func nothing(t *testing.T, f *function.Function, e event.Event) {
	t.Helper()
	reply, err := f.Handle(t.Context(), e)
	if err != nil || reply != nil {
		t.Errorf("got %v, %v; want nothing", reply, err)
	}
}
