//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// How many alerts come, and how fast, while something is killed.
const (
	alertsPerKill = 12
	alertEvery    = 500 * time.Millisecond
	settle        = 4 * time.Minute
)

// While alerts come, a part of the path is killed. In the end every alert has had its Job, and none two.
func TestEveryAlertHasOneJobWhenAPartIsKilled(t *testing.T) {
	var all []string
	for _, part := range []struct {
		name string
		kill func(testing.TB)
	}{
		{"broker ingress", func(t testing.TB) { kill(t, eventing, "eventing.knative.dev/brokerRole=ingress") }},
		{"dispatcher", func(t testing.TB) { kill(t, eventing, "messaging.knative.dev/role=dispatcher") }},
		{"function", func(t testing.TB) { kill(t, quench, "serving.knative.dev/service=job-runner") }},
		{"adapter", func(t testing.TB) { kill(t, quench, "serving.knative.dev/service=adapter") }},
		{"API server", killAPIServer},
	} {
		t.Run(part.name, func(t *testing.T) {
			if part.name == "API server" {
				if !own() {
					t.Skip("the API server of a cluster of one's own is left alone")
				}
				eventually(t, settle, "namespaces that go to be gone", noNamespaceGoes)
			}
			began := len(all)
			all = append(all, fireWhile(t, part.kill)...)
			eventually(t, settle, "one Job for each alert", func(ctx context.Context) error { return oneJobEach(ctx, all[began:]) })
		})
	}
	awaitQuiet(t)
	if err := oneJobEach(t.Context(), all); err != nil {
		t.Error(err)
	}
	// What was killed, and what ended because of it, is there again for whoever tests next.
	for _, namespace := range []string{eventing, "knative-serving"} {
		must(t, "", "wait", "--for=condition=Available", "deployment", "--all", "-n", namespace, "--timeout=3m")
	}
}

// noNamespaceGoes is an error while a namespace is being deleted. When the API server starts anew in the middle of that, it
// lists custom resources only some time later, and until then the namespace's deletion finds none, and leaves them behind
// for good: Triggers and Services of an earlier test, in no namespace.
func noNamespaceGoes(ctx context.Context) error {
	namespaces, err := cluster.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, n := range namespaces.Items {
		if n.DeletionTimestamp != nil {
			return fmt.Errorf("%s is being deleted", n.Name)
		}
	}
	return nil
}

// fireWhile fires alerts one after the other, kills after a third of them, and says which they were.
func fireWhile(t testing.TB, kill func(testing.TB)) (fingerprints []string) {
	t.Helper()
	tick := time.NewTicker(alertEvery)
	defer tick.Stop()
	for i := range alertsPerKill {
		labels := unique(t, "number", fmt.Sprint(i))
		fire(t, posted{Labels: labels})
		fingerprints = append(fingerprints, fingerprint(labels))
		if i == alertsPerKill/3 {
			kill(t)
		}
		<-tick.C
	}
	return fingerprints
}

// oneJobEach is an error unless each of the alerts has one Job.
func oneJobEach(ctx context.Context, fingerprints []string) error {
	for _, fingerprint := range fingerprints {
		if err := oneJob(ctx, fingerprint); err != nil {
			return err
		}
	}
	return nil
}

// awaitQuiet waits until nothing is under way any more that could make another Job: Alertmanager has not failed to
// notify for longer than it would take to try again, and every record is finished.
func awaitQuiet(t testing.TB) {
	t.Helper()
	since, last := time.Now(), -1.0
	eventually(t, settle, "an end of the failing notifications", func(context.Context) error {
		failed := 0.0
		for _, name := range alertmanagers {
			failed += failures(t, name)
		}
		if failed != last {
			since, last = time.Now(), failed
		}
		if quiet := time.Since(since); quiet < 2*groupInterval {
			return fmt.Errorf("none for %.0f s", quiet.Seconds())
		}
		return nil
	})
	eventually(t, settle, "every record to be finished", func(ctx context.Context) error {
		records, err := cluster.dynamic.Resource(remediations).Namespace(quench).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, record := range records.Items {
			status, _ := record.Object["status"].(map[string]any)
			if phase := status["phase"]; phase == "Running" || phase == "Retrying" {
				return fmt.Errorf("%s is %v", record.GetName(), phase)
			}
		}
		return nil
	})
}

func killAPIServer(t testing.TB) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(root, ".build/quench-cluster"), "kill",
		"--cache", filepath.Join(root, ".build/cluster"), "kube-apiserver").CombinedOutput()
	if err != nil {
		t.Fatalf("kill the API server: %v: %s", err, out)
	}
}
