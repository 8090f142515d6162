//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/tests/e2e/setup"
)

// Two Alertmanagers that gossip both notify of an alert before they have heard of each other's notification: the same
// event goes through the Broker twice, and there is one Job.
func TestAlertFromTwoAlertmanagersGivesOneJob(t *testing.T) {
	for _, name := range alertmanagers {
		eventually(t, time.Minute, name+" to have found its peer", func(ctx context.Context) error { return peers(ctx, name, 2) })
	}
	// Which of the two is first is a race, and now and then the second hears in time. So there are several alerts: all
	// must have one Job, and at least one must have come from both.
	twice := 0
	for i := range 5 {
		labels := unique(t, "try", fmt.Sprint(i))
		fire(t, posted{Labels: labels})
		id := fingerprint(labels)
		eventually(t, time.Minute, "the alert's Job", func(ctx context.Context) error { return oneJob(ctx, id) })
		if cameTwice(t, id) {
			twice++
		}
		if err := oneJob(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if twice == 0 {
		t.Fatal("no alert came from both Alertmanagers")
	}
	t.Logf("%d of 5 alerts came from both Alertmanagers", twice)
}

// cameTwice waits for a second delivery of the alert's event for as long as the groups' interval would bring one.
func cameTwice(t testing.TB, fingerprint string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), groupInterval)
	defer cancel()
	return await(ctx, func(ctx context.Context) error {
		requests, err := recorded(ctx, "alerts")
		if err != nil {
			return err
		}
		times, ids := map[string]bool{}, map[string]bool{}
		for _, r := range requests {
			if r.attribute("fingerprint") == fingerprint {
				times[r.attribute("recordedtime")] = true
				ids[r.attribute("id")] = true
			}
		}
		if len(times) < 2 || len(ids) != 1 {
			return fmt.Errorf("recorded at %d times under %d ids", len(times), len(ids))
		}
		return nil
	}) == nil
}

// groupInterval is what monitoring/alertmanager.yaml says.
const groupInterval = 15 * time.Second

// peers is an error unless the Alertmanager's cluster has so many members.
func peers(ctx context.Context, alertmanager string, want int) error {
	var status struct {
		Cluster struct {
			Status string     `json:"status"`
			Peers  []struct{} `json:"peers"`
		} `json:"cluster"`
	}
	if err := getJSON(ctx, monitoring, alertmanager+":9093", "api/v2/status", &status); err != nil {
		return err
	}
	if status.Cluster.Status != "ready" || len(status.Cluster.Peers) != want {
		return fmt.Errorf("cluster is %s and has %d members", status.Cluster.Status, len(status.Cluster.Peers))
	}
	return nil
}

// Two Prometheus replicas find the same crashing pod and tell two Alertmanagers; one of each is killed in the middle, and
// comes back with an empty memory, so that the alert's start may move. There is one Job.
func TestReplicasThatRestartGiveOneJob(t *testing.T) {
	namespace := shop(t)
	// The Job cannot remove the pod here: without that right the alert goes on firing, as it must.
	must(t, withImages(strings.ReplaceAll(setup.Crasher, "NAMESPACE", namespace)), "apply", "-f", "-")
	first := awaitRecorded(t, "alerts", "the alert's event", func(r request) bool {
		return r.attribute("alertname") == "KubePodCrashLooping" && r.attribute("namespace") == namespace
	})
	id := first.attribute("fingerprint")
	eventually(t, time.Minute, "the alert's Job", func(ctx context.Context) error { return oneJob(ctx, id) })

	for _, replica := range []string{"prometheus-0", "alertmanager-0"} {
		now := int64(0)
		err := cluster.client.CoreV1().Pods(monitoring).Delete(t.Context(), replica, metav1.DeleteOptions{GracePeriodSeconds: &now})
		if err != nil {
			t.Fatalf("kill %s: %v", replica, err)
		}
	}
	eventually(t, 2*time.Minute, "the killed Alertmanager to be one of two again", func(ctx context.Context) error {
		return peers(ctx, "alertmanager-0", 2)
	})
	// Both Alertmanagers have the alert again, from both replicas, and have had the time to notify of it.
	for _, name := range alertmanagers {
		eventually(t, 2*time.Minute, name+" to have the alert", func(ctx context.Context) error { return hasAlert(ctx, name, id) })
	}
	flushes := notifications(t, "alertmanager-0")
	sentinel := unique(t)
	fire(t, posted{Labels: sentinel})
	eventually(t, time.Minute, "a later alert's Job", func(ctx context.Context) error { return oneJob(ctx, fingerprint(sentinel)) })
	eventually(t, time.Minute, "another notification by the one that was killed", func(context.Context) error {
		if now := notifications(t, "alertmanager-0"); now <= flushes {
			return fmt.Errorf("still %v", now)
		}
		return nil
	})
	if err := oneJob(t.Context(), id); err != nil {
		t.Error(err)
	}
}

// hasAlert is an error unless the Alertmanager knows of the alert as firing.
func hasAlert(ctx context.Context, alertmanager, fingerprint string) error {
	var alerts []struct {
		Fingerprint string `json:"fingerprint"`
	}
	if err := getJSON(ctx, monitoring, alertmanager+":9093", "api/v2/alerts", &alerts); err != nil {
		return err
	}
	for _, a := range alerts {
		if a.Fingerprint == fingerprint {
			return nil
		}
	}
	return fmt.Errorf("not among %d", len(alerts))
}
