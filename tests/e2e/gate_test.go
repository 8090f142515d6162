//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	gateNamespace = "quench-gate"
	gateLabel     = "app.kubernetes.io/name=gate"
	// probePeriod is that of knative/gate/deployment.yaml.
	probePeriod = 5 * time.Second
	// gatePatience bounds every wait; three good probes take 15 s, a rollout twice that.
	gatePatience = 3 * time.Minute
)

// gateAlarm closes the gate while it is scaled up: see monitoring/rules.yml.
const gateAlarm = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: gate-alarm, namespace: e2e }
spec:
  replicas: 0
  selector: { matchLabels: { app: gate-alarm } }
  template:
    metadata: { labels: { app: gate-alarm } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: app, image: E2E/recorder }]
`

// An alert of Prometheus' closes the gate within two probes, and a drain of its node waits; it resolves, the gate is ready
// after as many good probes as it is told (three here, for 24), and the drain goes on. With a Prometheus down it is not
// ready either. Asking Alertmanager instead, it is ready once the alert is silenced.
func TestGateHoldsUpADrain(t *testing.T) {
	installGate(t)
	gateReady(t, "no alert fires")

	must(t, "", "scale", "deployment/gate-alarm", "-n", e2e, "--replicas=1")
	pod := gateNotReady(t, "an alert fires", `The Prometheus alert is firing: {alertname="GateAlarm", deployment="gate-alarm"`)
	since := firingSince(t, "GateAlarm")
	took := readyCondition(pod).LastTransitionTime.Sub(since)
	t.Logf("not ready %.1f s after the alert was active", took.Seconds())
	if took > 2*probePeriod {
		t.Errorf("not ready %s after the alert was active, more than two probes of %s", took, probePeriod)
	}

	if err := drain(t, pod.Spec.NodeName, 4*probePeriod); err == nil || !strings.Contains(err.Error(), "violate the pod's disruption budget") {
		t.Fatalf("the drain does not wait for the budget: %v", err)
	}
	if now := gatePod(t); now.UID != pod.UID {
		t.Fatalf("pod %s has made place for %s", pod.Name, now.Name)
	}
	drained := make(chan error, 1)
	go func() { drained <- drain(t, pod.Spec.NodeName, gatePatience) }()
	resolved := time.Now()
	must(t, "", "scale", "deployment/gate-alarm", "-n", e2e, "--replicas=0")
	if err := <-drained; err != nil {
		t.Fatalf("the drain does not go on though the alert has resolved: %v", err)
	}
	if went := time.Since(resolved); went < 2*probePeriod {
		t.Errorf("the drain went on %s after the alert, before three probes of %s", went, probePeriod)
	} else {
		t.Logf("drained %.1f s after the alert had resolved", went.Seconds())
	}
	must(t, "", "uncordon", pod.Spec.NodeName)
	gateReady(t, "the pod that follows")

	must(t, "", "scale", "statefulset/prometheus", "-n", monitoring, "--replicas=1")
	gateNotReady(t, "a Prometheus is down", "Prometheus cannot be asked at http://prometheus-1.prometheus.monitoring.svc:9090")
	must(t, "", "scale", "statefulset/prometheus", "-n", monitoring, "--replicas=2")
	gateReady(t, "it is up again")

	labels := unique(t, "severity", "critical", "remediation", "none")
	must(t, "", "set", "env", "deployment/gate", "-n", gateNamespace, "PROMETHEUS_ENDPOINT-",
		"ALERTMANAGER_ENDPOINT=http://alertmanager-0.alertmanager.monitoring.svc:9093,http://alertmanager-1.alertmanager.monitoring.svc:9093",
		fmt.Sprintf(`ALERT_SELECT=severity=~"critical|warning",run=%q`, labels["run"]))
	must(t, "", "rollout", "status", "deployment/gate", "-n", gateNamespace, "--timeout="+gatePatience.String())
	gateReady(t, "Alertmanager has no alert")
	fire(t, posted{Labels: labels})
	gateNotReady(t, "Alertmanager has one", "The Alertmanager alert is firing: ", labels["run"])
	silence(t, "run", labels["run"])
	gateReady(t, "it is silenced")
}

// installGate returns once the gate is there. When the test ends all of it goes, and is gone.
func installGate(t *testing.T) {
	t.Helper()
	folder, err := world.Overlay("gate")
	if err != nil {
		t.Fatal(err)
	}
	must(t, withImages(gateAlarm), "apply", "-f", "-")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), gatePatience)
		defer cancel()
		for _, args := range [][]string{
			{"scale", "statefulset/prometheus", "-n", monitoring, "--replicas=2"},
			{"wait", "pod", "-n", monitoring, "--all", "--for=condition=Ready", "--timeout=" + gatePatience.String()},
			{"delete", "deployment/gate-alarm", "-n", e2e, "--ignore-not-found"},
			{"delete", "-k", folder, "--ignore-not-found", "--wait=true"},
		} {
			if _, err := kubectl(ctx, "", args...); err != nil {
				t.Error(err)
			}
		}
	})
	must(t, "", "apply", "-k", folder)
}

// gatePod is the one of the gate's that does not end.
func gatePod(t *testing.T) (pod corev1.Pod) {
	t.Helper()
	eventually(t, gatePatience, "one pod of the gate's", func(ctx context.Context) (err error) {
		pod, err = findGate(ctx)
		return err
	})
	return pod
}

func findGate(ctx context.Context) (corev1.Pod, error) {
	list, err := cluster.client.CoreV1().Pods(gateNamespace).List(ctx, metav1.ListOptions{LabelSelector: gateLabel})
	if err != nil {
		return corev1.Pod{}, err
	}
	var found []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			found = append(found, pod)
		}
	}
	if len(found) != 1 {
		return corev1.Pod{}, fmt.Errorf("%d pods", len(found))
	}
	return found[0], nil
}

func readyCondition(pod corev1.Pod) corev1.PodCondition {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c
		}
	}
	return corev1.PodCondition{}
}

func gateReady(t *testing.T, when string) {
	t.Helper()
	eventually(t, gatePatience, "the gate to be ready: "+when, func(ctx context.Context) error {
		pod, err := findGate(ctx)
		if err == nil && readyCondition(pod).Status != corev1.ConditionTrue {
			text, _ := gateAnswer(ctx, pod.Name) // the error is the 503
			err = fmt.Errorf("pod %s is not ready: %s", pod.Name, text)
		}
		return err
	})
}

// gateNotReady waits until the pod is not ready, and wants the gate to say why.
func gateNotReady(t *testing.T, when string, words ...string) (pod corev1.Pod) {
	t.Helper()
	eventually(t, gatePatience, "the gate not to be ready: "+when, func(ctx context.Context) (err error) {
		pod, err = findGate(ctx)
		if err == nil && readyCondition(pod).Status != corev1.ConditionFalse {
			err = fmt.Errorf("pod %s is ready", pod.Name)
		}
		if err != nil {
			return err
		}
		text, _ := gateAnswer(ctx, pod.Name) // the error is the 503
		for _, word := range words {
			if !strings.Contains(text, word) {
				err = errors.Join(err, fmt.Errorf("it does not say %q but %q", word, text))
			}
		}
		return err
	})
	return pod
}

func gateAnswer(ctx context.Context, pod string) (string, error) {
	text, err := through(cluster.client.CoreV1().RESTClient().Get(), gateNamespace, "pods", pod+":8080", "ready").DoRaw(ctx)
	return string(text), err
}

// firingSince is when the first of the two Prometheus replicas found that the alert fires.
func firingSince(t *testing.T, alertname string) (since time.Time) {
	t.Helper()
	for _, replica := range []string{"prometheus-0", "prometheus-1"} {
		eventually(t, time.Minute, alertname+" to fire in "+replica, func(ctx context.Context) error {
			var answer struct {
				Data struct {
					Alerts []struct {
						Labels   map[string]string
						State    string
						ActiveAt time.Time
					}
				}
			}
			if err := getJSON(ctx, monitoring, replica+":9090", "api/v1/alerts", &answer); err != nil {
				return err
			}
			for _, a := range answer.Data.Alerts {
				if a.Labels["alertname"] == alertname && a.State == "firing" {
					if since.IsZero() || a.ActiveAt.Before(since) {
						since = a.ActiveAt
					}
					return nil
				}
			}
			return fmt.Errorf("it has %d other alerts", len(answer.Data.Alerts))
		})
	}
	return since
}

// drain drains the gate's node, of the gate's pod alone: it may be the only node. It stays cordoned until the test ends, or
// uncordons it.
func drain(t *testing.T, node string, timeout time.Duration) error {
	t.Cleanup(func() {
		if _, err := kubectl(context.Background(), "", "uncordon", node); err != nil {
			t.Error(err)
		}
	})
	_, err := kubectl(t.Context(), "", "drain", node, "--pod-selector="+gateLabel, "--timeout="+timeout.String())
	return err
}

// silence has the Alertmanagers notify nobody of alerts with this label; one tells the other.
func silence(t *testing.T, label, value string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"matchers": []any{map[string]any{"name": label, "value": value, "isRegex": false, "isEqual": true}},
		"startsAt": time.Now().Format(time.RFC3339Nano), "endsAt": time.Now().Add(time.Hour).Format(time.RFC3339Nano),
		"createdBy": "test", "comment": "quiet",
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the silence to be taken", func(ctx context.Context) error {
		return through(cluster.client.CoreV1().RESTClient().Post(), monitoring, "pods", alertmanagers[0]+":9093", "api/v2/silences").
			SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Error()
	})
}
