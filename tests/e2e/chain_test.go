//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/tests/e2e/setup"
)

// note is the label that the rule in monitoring/prometheus.yaml puts on the alert.
const note = "a line with $(ALERT_POD), \"quotes\", 'more' and `these`;\nand $(rm -rf /) on a second one"

// begun is a traceparent that nobody has asked to have sampled.
var begun = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-00$`)

// A pod crashes; kube-state-metrics counts it, Prometheus raises an alert, Alertmanager sends it, the adapter makes an
// event of it, a Trigger wakes job-runner, whose Job removes the pod; the outcome comes back through the Broker, and
// job-runner goes back to sleep.
func TestCrashLoopingPodIsRemovedByAJob(t *testing.T) {
	eventually(t, 2*time.Minute, "job-runner to sleep", func(ctx context.Context) error { return atZero(ctx, "job-runner") })
	namespace := shop(t)
	must(t, withImages(strings.ReplaceAll(setup.Crasher+setup.Remover, "NAMESPACE", namespace)), "apply", "-f", "-")

	alert := awaitRecorded(t, "alerts", "the alert's event", func(r request) bool {
		return r.attribute("alertname") == "KubePodCrashLooping" && r.attribute("namespace") == namespace
	})
	var job string
	eventually(t, time.Minute, "one finished Job", func(ctx context.Context) error {
		found, err := jobs(ctx, alert.attribute("fingerprint"))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("%d Jobs (%w)", len(found), err)
		}
		if job = found[0].Name; found[0].Status.Succeeded != 1 {
			return fmt.Errorf("Job %s has not succeeded: %+v", job, found[0].Status)
		}
		return nil
	})
	eventually(t, time.Minute, "the pod to be gone", func(ctx context.Context) error {
		_, err := cluster.client.CoreV1().Pods(namespace).Get(ctx, "frontend", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(errors.New("still there"), err)
	})
	environment := environmentOf(t, job)
	for name, want := range map[string]string{
		"ALERT_POD": "frontend", "ALERT_NAMESPACE": namespace, "ALERT_NOTE": note, "ALERT_STATUS": "firing",
		"ALERT_ANNOTATION_SUMMARY": "Pod " + namespace + "/frontend (app) crashes again and again.",
	} {
		if got := environment[name]; got != want {
			t.Errorf("the Job's container has %s=%q, want %q", name, got, want)
		}
	}
	outcome := awaitRecorded(t, "outcomes", "the outcome's event", func(r request) bool {
		return r.attribute("causationid") == alert.attribute("id") && r.attribute("source") == "/quench/job-runner"
	})
	if got := outcome.attribute("type"); got != "dev.quench.action.succeeded" {
		t.Errorf("outcome is %s: %s", got, outcome.Body)
	}
	if got := outcome.attribute("correlationid"); got != alert.attribute("correlationid") {
		t.Errorf("outcome's correlationid is %q, want the alert's, %q", got, alert.attribute("correlationid"))
	}
	// Alertmanager sent no trace, so the adapter began one, for each of the two that sent the alert; the outcome is in that
	// of the one that came first.
	trace := outcome.attribute("traceparent")
	awaitRecorded(t, "alerts", "the alert's event in the outcome's trace "+trace, func(r request) bool {
		return r.attribute("id") == alert.attribute("id") && r.attribute("traceparent") == trace && begun.MatchString(trace)
	})
	awaitRecorded(t, "alerts", "the resolved alert's event", func(r request) bool {
		return r.attribute("type") == "io.prometheus.alertmanager.alert.resolved" &&
			r.attribute("correlationid") == alert.attribute("correlationid")
	})
	eventually(t, 2*time.Minute, "job-runner to sleep again", func(ctx context.Context) error { return atZero(ctx, "job-runner") })
	if err := oneJob(t.Context(), alert.attribute("fingerprint")); err != nil {
		t.Error(err)
	}
}

// shop is the name of a namespace of this test's, which says to the rules that its pods may be removed; it is deleted
// when the test ends.
func shop(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("shop-%d", time.Now().UnixNano())
	t.Cleanup(func() {
		if err := cluster.client.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Logf("delete namespace: %v", err)
		}
	})
	return name
}

// awaitRecorded waits for a request that is the one.
func awaitRecorded(t testing.TB, box, what string, is func(request) bool) request {
	t.Helper()
	var found request
	eventually(t, 2*time.Minute, what, func(ctx context.Context) error {
		requests, err := recorded(ctx, box)
		if err != nil {
			return err
		}
		for _, r := range requests {
			if is(r) {
				found = r
				return nil
			}
		}
		return fmt.Errorf("not among %d that came", len(requests))
	})
	return found
}

// environmentOf is what the Job's container found in its environment, which it wrote to its log, with NUL between.
func environmentOf(t testing.TB, job string) map[string]string {
	t.Helper()
	environment := map[string]string{}
	for variable := range strings.SplitSeq(must(t, "", "logs", "-n", quench, "job/"+job), "\x00") {
		if name, value, found := strings.Cut(variable, "="); found {
			environment[name] = value
		}
	}
	return environment
}
