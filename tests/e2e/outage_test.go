//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The adapter is away for longer than Alertmanager's group interval, in which Alertmanager gives up on a notification.
// What still fires is delivered once the adapter is back, by Alertmanager's own next notification.
func TestAlertOutlivesAnOutageOfTheAdapter(t *testing.T) {
	// Sent to one Alertmanager: what it could not send shows in its metrics.
	const alertmanager = "alertmanager-0"
	before := failures(t, alertmanager)
	must(t, "", "delete", "ksvc", "adapter", "-n", quench, "--wait=true")
	eventually(t, time.Minute, "the adapter to be away", func(ctx context.Context) error { return atZero(ctx, "adapter") })

	labels := unique(t)
	fire(t, posted{Labels: labels})
	id := fingerprint(labels)
	// One failed notification is one that Alertmanager has given up: it tries again within the interval by itself.
	eventually(t, 3*time.Minute, "two notifications that Alertmanager gave up", func(context.Context) error {
		if now := failures(t, alertmanager); now < before+2 {
			return fmt.Errorf("%v have failed, %v before", now, before)
		}
		return nil
	})
	if found, err := jobs(t.Context(), id); err != nil || len(found) != 0 {
		t.Fatalf("%d Jobs (%v) with no adapter", len(found), err)
	}

	site, err := siteFolder()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the adapter to be applied again", func(ctx context.Context) error {
		_, err := kubectl(ctx, "", "apply", "-k", site)
		return err
	})
	eventually(t, 2*time.Minute, "the alert's Job", func(ctx context.Context) error { return oneJob(ctx, id) })
}

// failures and notifications are an Alertmanager's counts of webhook notifications.
func failures(t testing.TB, alertmanager string) float64 {
	t.Helper()
	return metric(t, alertmanager, "alertmanager_notifications_failed_total")
}

func notifications(t testing.TB, alertmanager string) float64 {
	t.Helper()
	return metric(t, alertmanager, "alertmanager_notifications_total")
}

// metric is the sum of an Alertmanager's series of that name for webhooks.
func metric(t testing.TB, alertmanager, name string) float64 {
	t.Helper()
	var text []byte
	eventually(t, time.Minute, alertmanager+"'s metrics", func(ctx context.Context) (err error) {
		text, err = through(cluster.client.CoreV1().RESTClient().Get(), monitoring, "pods", alertmanager+":9093", "metrics").DoRaw(ctx)
		return err
	})
	sum := 0.0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, name+"{") && strings.Contains(line, `integration="webhook"`) {
			var value float64
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &value); err != nil {
				t.Fatalf("read metric %q: %v", line, err)
			}
			sum += value
		}
	}
	return sum
}
