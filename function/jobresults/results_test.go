package jobresults_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/eventing/pkg/apis/sources"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/tests/kube"
)

func failedWith(code int32, reason string) corev1.ContainerStateTerminated {
	return corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, StartedAt: metav1.Now(), FinishedAt: metav1.Now()}
}

func TestFailedJob(t *testing.T) {
	w := newWorld(t)
	job, eventID := w.run(t, "container: busybox")
	job = w.end(t, job, failedWith(3, "Error"))
	w.log = func(r *http.Request) (int, string) {
		if q := r.URL.Query(); q.Get("tailLines") == "" || q.Get("container") == "" {
			t.Errorf("the log is asked for with %v", q)
		}
		return http.StatusOK, "connecting\npassword=geheim\ngiving up\n"
	}
	f := w.results(t)
	e := changed(t, w.Namespace, job.Name)
	r := tell(t, f, e)
	r.Want(t, function.Failed, "BackoffLimitExceeded")
	target := "batch/v1/jobs/" + w.Namespace + "/" + job.Name
	for name, pair := range map[string][2]any{
		"function":       {r.Function, "job-results"},
		"event id":       {r.EventID, eventID},
		"target":         {r.Target, target},
		"subject":        {r.Subject, target},
		"causation id":   {r.Attributes["causationid"], eventID},
		"correlation id": {r.Attributes["correlationid"], crash.CorrelationID()},
		"fingerprint":    {r.Attributes["fingerprint"], crash.Fingerprint},
		"partition key":  {r.Attributes["partitionkey"], crash.Fingerprint},
		"action":         {r.Attributes["action"], "job-results"},
		"alertname":      {r.Attributes["alertname"], "PodCrashLooping"},
		"trace":          {r.Attributes["traceparent"], traceParent},
		"a label":        {r.Attributes["pod"], "nginx-1"},
		"a label's $":    {r.Attributes["price"], "$(A) $$5 <&>"},
		"the alert":      {string(r.Alert), string(crash.Data())},
		"job's reason":   {r.Job.Reason, "BackoffLimitExceeded"},
		"exit code":      {*r.Job.ExitCode, 3},
		"of a container": {r.Job.ContainerReason, "Error"},
		"log":            {r.Job.Log, "connecting\npassword=***\ngiving up"},
		"log truncated":  {r.Job.LogTruncated, false},
		"log missing":    {r.Job.LogMissing, ""},
		"no secret":      {strings.Contains(string(r.Raw), "geheim"), false},
		"actions":        {len(r.Actions), 1},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	if want := "; container " + r.Job.Container + " of pod " + r.Job.Pod + " ended with exit code 3"; !strings.Contains(r.Message, want) {
		t.Errorf("message %q does not say %q", r.Message, want)
	}
	if r.Job.StartedAt == "" || r.Job.FinishedAt == "" || r.Actions[0].Outcome != function.Failed {
		t.Errorf("job %+v, actions %+v", r.Job, r.Actions)
	}
}

// Where the Job's template says something else of the alert, what stands on the Job is told.
func TestAlertThatIsNotInTheEnvironment(t *testing.T) {
	w := newWorld(t)
	job, eventID := w.run(t, "template: {spec: {template: {spec: {containers: [{name: c, image: busybox, env: [{name: ALERT_EVENT, value: mine}]}]}}}}")
	job = w.end(t, job, failedWith(0, "Completed"))
	r := tell(t, w.results(t), changed(t, w.Namespace, job.Name))
	if r.Alert != nil || r.Attributes["pod"] != nil || r.Attributes["alertname"] != "PodCrashLooping" || r.EventID != eventID {
		t.Errorf("alert %s, attributes %v", r.Alert, r.Attributes)
	}
}

func TestSucceededJob(t *testing.T) {
	w := newWorld(t)
	job, _ := w.run(t, "container: busybox")
	job = w.end(t, job, failedWith(0, "Completed"))
	w.log = func(*http.Request) (int, string) { return http.StatusOK, "done\n" }
	r := tell(t, w.results(t), changed(t, w.Namespace, job.Name))
	r.Want(t, function.Succeeded, "CompletionsReached")
	if *r.Job.ExitCode != 0 || r.Job.ContainerReason != "Completed" || r.Job.Log != "done" {
		t.Errorf("job %+v", r.Job)
	}
}

func TestOutOfMemoryIsTheReason(t *testing.T) {
	w := newWorld(t)
	job, _ := w.run(t, "container: busybox")
	job = w.end(t, job, failedWith(137, "OOMKilled"))
	w.log = func(*http.Request) (int, string) { return http.StatusOK, "" }
	r := tell(t, w.results(t), changed(t, w.Namespace, job.Name))
	r.Want(t, function.Failed, jobresults.ReasonOOMKilled)
	if r.Job.Reason != "BackoffLimitExceeded" || *r.Job.ExitCode != 137 {
		t.Errorf("job %+v", r.Job)
	}
}

// The Job's controller deletes the pods of a Job that takes too long.
func TestJobThatTookTooLong(t *testing.T) {
	w := newWorld(t)
	job, _ := w.run(t, "template: {spec: {activeDeadlineSeconds: 1, template: {spec: {containers: [{name: c, image: busybox}]}}}}")
	job = w.awaitEnd(t, job)
	r := tell(t, w.results(t), changed(t, w.Namespace, job.Name))
	r.Want(t, function.Failed, "DeadlineExceeded")
	if r.Job.ExitCode != nil || r.Job.Log != "" || r.Job.LogMissing != "the Job's pods are gone" {
		t.Errorf("job %+v", r.Job)
	}
}

// A log that cannot be had is no reason to say nothing: here the real API server does not find the pod's node.
func TestLogThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	job, _ := w.run(t, "container: busybox")
	job = w.end(t, job, failedWith(3, "Error"))
	w.bind(t, job, "a-node-that-is-gone")
	r := tell(t, w.results(t), changed(t, w.Namespace, job.Name))
	r.Want(t, function.Failed, "BackoffLimitExceeded")
	if *r.Job.ExitCode != 3 || r.Job.Log != "" || !strings.Contains(r.Job.LogMissing, `"a-node-that-is-gone" not found`) {
		t.Errorf("job %+v", r.Job)
	}
}

func TestLongLogIsCut(t *testing.T) {
	w := newWorld(t)
	job, _ := w.run(t, "container: busybox")
	job = w.end(t, job, failedWith(3, "Error"))
	w.log = func(*http.Request) (int, string) {
		return http.StatusOK, strings.Repeat("a line\n", 900) + "the last one\n"
	}
	r := tell(t, w.results(t), changed(t, w.Namespace, job.Name))
	if lines := strings.Split(r.Job.Log, "\n"); len(lines) != 50 || lines[49] != "the last one" || !r.Job.LogTruncated {
		t.Errorf("%d lines, truncated %v: %q", len(lines), r.Job.LogTruncated, r.Job.Log)
	}
}

// Labels can be anybody's: a pod that only says that it is the Job's is not read.
func TestPodOfSomebodyElseIsNotRead(t *testing.T) {
	w := newWorld(t)
	job, _ := w.run(t, "template: {spec: {activeDeadlineSeconds: 1, template: {spec: {containers: [{name: c, image: busybox}]}}}}")
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "stranger", Labels: map[string]string{batchv1.ControllerUidLabel: string(job.UID)}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "busybox"}}},
	}
	if _, err := w.kube.CoreV1().Pods(w.Namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	job = w.awaitEnd(t, job)
	w.log = func(*http.Request) (int, string) { return http.StatusOK, "secret" }
	r := tell(t, w.results(t), changed(t, w.Namespace, job.Name))
	if r.Job.Pod != "" || r.Job.Log != "" || r.Job.LogMissing == "" {
		t.Errorf("job %+v", r.Job)
	}
}

// Whoever can send events gets nothing out of a Job that job-runner did not make: not its outcome, and no log is read.
func TestForgedEventTellsNothing(t *testing.T) {
	w := newWorld(t)
	running, _ := w.run(t, "container: busybox")
	theirs := strings.ReplaceAll(`
apiVersion: batch/v1
kind: Job
metadata: {name: theirs, namespace: NS, labels: {quench.dev/function: job-runner}, annotations: {quench.dev/event-id: e1}}
spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}
`, "NS", w.Namespace)
	kube.Apply(t, w.Config, []byte(theirs))
	w.end(t, &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}}, failedWith(3, "Error"))
	w.log = func(*http.Request) (int, string) { return http.StatusOK, "secret" }

	of := func(change func(e *event.Event, r *corev1.ObjectReference)) event.Event {
		e := changed(t, w.Namespace, "theirs")
		r := corev1.ObjectReference{APIVersion: "batch/v1", Kind: "Job", Namespace: w.Namespace, Name: running.Name}
		change(&e, &r)
		if err := e.SetData(event.ApplicationJSON, r); err != nil {
			t.Fatal(err)
		}
		return e
	}
	for name, test := range map[string]struct {
		e    event.Event
		asks int
	}{
		"a Job of somebody else": {changed(t, w.Namespace, "theirs"), 1},
		"a Job that still runs":  {changed(t, w.Namespace, running.Name), 1},
		"a Job that is gone":     {changed(t, w.Namespace, "nobody"), 1},
		"another kind":           {of(func(_ *event.Event, r *corev1.ObjectReference) { r.Kind = "Pod" }), 0},
		"another version":        {of(func(_ *event.Event, r *corev1.ObjectReference) { r.APIVersion = "batch/v1beta1" }), 0},
		"a path for a name":      {of(func(_ *event.Event, r *corev1.ObjectReference) { r.Name = "../../secrets/a" }), 0},
		"a path for a namespace": {of(func(_ *event.Event, r *corev1.ObjectReference) { r.Namespace = "a/../b" }), 0},
		"no name":                {of(func(_ *event.Event, r *corev1.ObjectReference) { r.Name = "" }), 0},
		"a deletion":             {of(func(e *event.Event, _ *corev1.ObjectReference) { e.SetType(sources.ApiServerSourceDeleteRefEventType) }), 0},
		"an outcome":             {of(func(e *event.Event, _ *corev1.ObjectReference) { e.SetType(function.Failed.Type()) }), 0},
		"an alert":               {functiontest.Event(t, crash, w.Clock.Now()), 0},
	} {
		t.Run(name, func(t *testing.T) {
			w.asked = nil
			nothing(t, w.results(t), test.e)
			if len(w.asked) != test.asks {
				t.Errorf("asked %q, want %d requests", w.asked, test.asks)
			}
			for _, request := range w.asked {
				if strings.Contains(request, "/pods") {
					t.Errorf("asked %q", request)
				}
			}
		})
	}
}

// A Job that has ended changes several times; one process tells it once, and every process by the same id.
func TestAnEndIsToldOnce(t *testing.T) {
	w := newWorld(t)
	job, _ := w.run(t, "container: busybox")
	job = w.end(t, job, failedWith(3, "Error"))
	w.log = func(*http.Request) (int, string) { return http.StatusOK, "" }
	f := w.results(t)
	first := changed(t, w.Namespace, job.Name)
	told := tell(t, f, first)
	nothing(t, f, changed(t, w.Namespace, job.Name))
	if again := tell(t, f, first); again.ID != told.ID {
		t.Errorf("the redelivered event is answered with %s, want %s", again.ID, told.ID)
	}
	if after := tell(t, w.results(t), changed(t, w.Namespace, job.Name)); after.ID != told.ID {
		t.Errorf("another process tells it as %s, want %s", after.ID, told.ID)
	}
}

// What may pass is left to the broker to deliver again, and then told.
func TestAPIServerAway(t *testing.T) {
	w := newWorld(t)
	job, _ := w.run(t, "container: busybox")
	job = w.end(t, job, failedWith(3, "Error"))
	w.log = func(*http.Request) (int, string) { return http.StatusOK, "" }
	f := w.results(t)
	for _, w.away = range []string{"/jobs", "/pods"} {
		reply, err := f.Handle(t.Context(), changed(t, w.Namespace, job.Name))
		if err == nil || reply != nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%s: got %v, %v", w.away, reply, err)
		}
	}
	w.away = ""
	tell(t, f, changed(t, w.Namespace, job.Name)).Want(t, function.Failed, "BackoffLimitExceeded")
}
