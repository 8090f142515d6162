package tests

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/quench-dev/quench/function/enriched"
)

// What a newcomer sees: Alertmanager groups an alert and sends it, the sample
// Triggers route it, and its Job stands in a real API server, once, whatever is
// repeated. When the alert resolves, a Job whose rule cancels it is gone.
func TestAlertBecomesJob(t *testing.T) {
	q := startQuench(t, "--listen=127.0.0.1:0")
	am := startAlertmanager(t, q.url+"/alert/", time.Second)
	started := time.Now().Add(-time.Minute)
	value := "$(ALERT_POD) \"quoted\" 'single'\nsecond line $HOME"
	crash := map[string]string{"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "frontend-7d4b9", "reason": value}
	disk := map[string]string{"alertname": "DiskFillingUp", "namespace": "shop", "instance": "node-1", "mountpoint": "/var/log", "remediation": "job"}
	am.alert(t, started, false, crash)
	am.alert(t, started, false, disk)
	am.alert(t, started, false, map[string]string{"alertname": "SomethingElse", "namespace": "shop"})

	var found []unstructured.Unstructured
	eventually(t, 30*time.Second, "both alerts have their Job", func() error {
		found = q.list(t, jobs, "app.kubernetes.io/managed-by=quench")
		if len(found) != 2 {
			return fmt.Errorf("%d Jobs", len(found))
		}
		return nil
	})
	job := jobOf(t, found, "KubePodCrashLooping")
	pod := job.Spec.Template.Spec
	if pod.RestartPolicy != "Never" || job.Spec.BackoffLimit == nil || *job.Spec.BackoffLimit != 0 || len(pod.Containers) != 1 {
		t.Errorf("spec: %+v", job.Spec)
	}
	environment := map[string]string{}
	for _, e := range pod.Containers[0].Env {
		environment[e.Name] = e.Value
	}
	for name, want := range map[string]string{
		"ALERT_POD": "frontend-7d4b9", "ALERT_NAMESPACE": "shop", "ALERT_STATUS": "firing", "ALERT_ALERTNAME": "KubePodCrashLooping",
		"ALERT_REASON": strings.ReplaceAll(value, "$", "$$"), "ALERT_ANNOTATION_SUMMARY": "Pod is crash looping.",
	} {
		if environment[name] != want {
			t.Errorf("%s is %q, want %q", name, environment[name], want)
		}
	}
	if id := job.Labels["quench.dev/correlation-id"]; len(id) != 32 {
		t.Errorf("the Job does not lead back to the alert: %v", job.Labels)
	}

	// Repeats come every second: they change nothing.
	sent := am.metric(t, "alertmanager_notifications_total", `integration="webhook"`)
	eventually(t, time.Minute, "Alertmanager repeats", func() error {
		if now := am.metric(t, "alertmanager_notifications_total", `integration="webhook"`); now < sent+4 {
			return fmt.Errorf("%v notifications", now)
		}
		return nil
	})
	if again := q.list(t, jobs, ""); len(again) != 2 {
		t.Errorf("%d Jobs after repeats", len(again))
	}

	am.alert(t, started, true, disk)
	am.alert(t, started, true, crash)
	eventually(t, 30*time.Second, "the Job whose rule cancels it is gone, the other stays", func() error {
		left := q.list(t, jobs, "app.kubernetes.io/managed-by=quench")
		if len(left) != 1 {
			return fmt.Errorf("%d Jobs", len(left))
		}
		jobOf(t, left, "KubePodCrashLooping")
		return nil
	})
	for _, r := range q.list(t, remediations, "") {
		phase, _, _ := unstructured.NestedString(r.Object, "status", "phase")
		if phase == "" || phase == "Running" {
			t.Errorf("record %s is left at %q", r.GetName(), phase)
		}
	}
}

// Nobody listens when Alertmanager first sends: it retries, and once quench is
// there every alert gets its Job, none two.
func TestAlertmanagerRetriesUntilQuenchIsThere(t *testing.T) {
	address := freeAddress(t)
	am := startAlertmanager(t, "http://"+address+"/", time.Second)
	const alerts = 5
	for i := range alerts {
		am.alert(t, time.Now(), false, map[string]string{"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": fmt.Sprintf("frontend-%d", i)})
	}
	eventually(t, 30*time.Second, "Alertmanager has tried in vain", func() error {
		if failed := am.metric(t, "alertmanager_notification_requests_failed_total", `integration="webhook"`); failed < 2 {
			return fmt.Errorf("%v requests failed", failed)
		}
		return nil
	})
	q := startQuench(t, "--listen="+address)
	eventually(t, time.Minute, "every alert has its Job", func() error {
		if n := len(q.list(t, jobs, "")); n != alerts {
			return fmt.Errorf("%d Jobs", n)
		}
		return nil
	})
	sent := am.metric(t, "alertmanager_notifications_total", `integration="webhook"`)
	eventually(t, time.Minute, "Alertmanager repeats", func() error {
		if am.metric(t, "alertmanager_notifications_total", `integration="webhook"`) < sent+3 {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	pods := map[string]int{}
	for _, j := range q.list(t, jobs, "") {
		pods[environmentOf(t, j, "ALERT_POD")]++
	}
	if len(pods) != alerts || len(q.list(t, jobs, "")) != alerts {
		t.Errorf("Jobs for pods %v", pods)
	}
}

// The sink behind the adapter refuses some events for a while: Alertmanager
// retries, what got through is not sent again, and in the end it has each once.
func TestAdapterSendsOnlyWhatIsMissing(t *testing.T) {
	var (
		mu       sync.Mutex
		accepted = map[string]int{} // by pod
		refused  = map[string]int{}
	)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := cehttp.NewEventFromHTTPRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		pod, _ := e.Extensions()["pod"].(string)
		mu.Lock()
		defer mu.Unlock()
		if pod != "frontend-0" && refused[pod] < 2 {
			refused[pod]++
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		accepted[pod]++
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(sink.Close)

	address := freeAddress(t)
	cmd := exec.Command(binary(t, "adapter"))
	cmd.Env = append(os.Environ(), "K_SINK="+sink.URL, "PORT="+address[strings.LastIndexByte(address, ':')+1:], "DRAIN_QUIET=0s")
	logs, err := os.Create(filepath.Join(t.TempDir(), "adapter.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = logs, logs
	start(t, cmd)
	eventually(t, 30*time.Second, "the adapter is ready", func() error { return get(t, "http://"+address+"/readyz", nil) })

	am := startAlertmanager(t, "http://"+address+"/", time.Hour)
	const alerts = 6
	for i := range alerts {
		am.alert(t, time.Now(), false, map[string]string{"alertname": "KubePodCrashLooping", "pod": fmt.Sprintf("frontend-%d", i)})
	}
	eventually(t, time.Minute, "the sink has accepted every alert", func() error {
		mu.Lock()
		defer mu.Unlock()
		if len(accepted) != alerts {
			return fmt.Errorf("%v", accepted)
		}
		return nil
	})
	mu.Lock()
	defer mu.Unlock()
	for pod, n := range accepted {
		if n != 1 {
			t.Errorf("%s was accepted %d times", pod, n)
		}
	}
	if len(refused) != alerts-1 {
		t.Errorf("refused %v", refused)
	}
	if am.metric(t, "alertmanager_notification_requests_failed_total", `integration="webhook"`) < 2 {
		t.Error("Alertmanager did not have to retry")
	}
}

func jobOf(t *testing.T, all []unstructured.Unstructured, alertname string) *batchv1.Job {
	t.Helper()
	for _, u := range all {
		var job batchv1.Job
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &job); err != nil {
			t.Fatal(err)
		}
		for _, e := range job.Spec.Template.Spec.Containers[0].Env {
			if e.Name == "ALERT_ALERTNAME" && e.Value == alertname {
				return &job
			}
		}
	}
	t.Fatalf("no Job for %s", alertname)
	return nil
}

func environmentOf(t *testing.T, u unstructured.Unstructured, name string) string {
	t.Helper()
	var job batchv1.Job
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &job); err != nil {
		t.Fatal(err)
	}
	for _, e := range job.Spec.Template.Spec.Containers[0].Env {
		if e.Name == name {
			return e.Value
		}
	}
	t.Fatalf("Job %s has no %s", job.Name, name)
	return ""
}

// A Trigger can name enricher, and another one gets what it makes of an alert.
func TestStandaloneEnriches(t *testing.T) {
	events := make(chan event.Event, 1)
	reader := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := cehttp.NewEventFromHTTPRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		events <- *e
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(reader.Close)
	const triggers = `
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: enrich, namespace: quench}
spec:
  broker: default
  filters: [{exact: {type: io.prometheus.alertmanager.alert.firing}}]
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: enricher}}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: read, namespace: quench}
spec:
  broker: default
  filters: [{exact: {type: dev.quench.alert.enriched}}, {exact: {alertname: TargetDown}}]
  subscriber: {uri: READER}
`
	file := filepath.Join(t.TempDir(), "triggers.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(triggers, "READER", reader.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	q := startQuench(t, "--listen=127.0.0.1:0", "--triggers="+file)
	body := `{"alerts":[{"status":"firing","startsAt":"` + time.Now().UTC().Format(time.RFC3339) + `","labels":{"alertname":"TargetDown","pod":"nobody-0"}}]}`
	resp, err := http.Post(q.url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
	select {
	case e := <-events:
		got, err := enriched.Decode(e)
		if err != nil || got.Alert.Name() != "TargetDown" || got.Suggestion == nil || got.Suggestion.Action != "check-target" || len(got.Missing) == 0 {
			t.Errorf("%v: %s", err, e.Data())
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
	}
}
