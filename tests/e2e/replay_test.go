//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/history"
)

// missed is a Trigger that leads to job-runner and gives up soon: Alertmanager waits no longer than its group interval,
// 15 s here, for what a Trigger's retries take.
const missed = `
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: replay, namespace: quench }
spec:
  broker: default
  filters:
    - any:
        - exact: { type: io.prometheus.alertmanager.alert.firing }
        - exact: { type: io.prometheus.alertmanager.alert.resolved }
    - exact: { outage: "yes" }
  subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: job-runner } }
  delivery:
    retry: 2
    backoffPolicy: exponential
    backoffDelay: PT0.5S
    timeout: PT8S
    deadLetterSink: { ref: %s, uri: /dead-letters }
`

// A function is broken, alerts are dead-lettered into the archive; it is mended, and quench replay --dead-letters heals:
// each alert has its Job, an alert that is over by then has none. Again and again, nothing more is done, until an operator
// sends one again on purpose. The archive's story tells all of it, and quench trigger watch has seen it.
func TestReplayHealsAnOutage(t *testing.T) {
	cli := operator(t)
	for _, on := range []store{onSQLite, onPostgreSQL} {
		t.Run(on.name, func(t *testing.T) { replayHeals(t, cli, on) })
	}
}

func replayHeals(t *testing.T, cli func(*testing.T, ...string) string, on store) {
	installArchive(t, on)
	putTriggers(t, fmt.Sprintf(missed, on.sink))
	run := "replay-" + time.Now().Format("150405.000000")
	of := []string{"--attribute", "run=" + run}
	watched := seeing(t, of...)

	rule(t, "paused: no such thing") // no policy: job-runner decides nothing, and answers 503
	var alerts []map[string]string
	for i := range 4 {
		labels := unique(t, "remediation", "by replay", "outage", "yes", "run", run, "n", fmt.Sprint(i))
		started := time.Now()
		fire(t, posted{Labels: labels, StartsAt: started}, alertmanagers[0])
		alerts = append(alerts, labels)
		if i == 3 {
			awaitPending(t, run, 4)
			fire(t, posted{Labels: labels, StartsAt: started, EndsAt: time.Now()}, alertmanagers[0])
		}
	}
	awaitPending(t, run, 5) // the last alert's end is missed, too
	for _, labels := range alerts {
		if found, err := jobs(t.Context(), fingerprint(labels)); err != nil || len(found) != 0 {
			t.Fatalf("%d Jobs in the outage, %v", len(found), err)
		}
	}

	patchPolicy(t, "{}")
	if said := cli(t, append([]string{"replay", "--dead-letters", "--dry-run"}, of...)...); strings.Count(said, "quench/replay") != 5 || strings.Count(said, "may act") != 5 {
		t.Errorf("the dry run says\n%s", said)
	}
	heal := append([]string{"replay", "--dead-letters", "--yes", "--rate", "2/s"}, of...)
	if said := cli(t, heal...); !strings.Contains(said, "5 events sent") {
		t.Errorf("quench replay says\n%s", said)
	}
	assertHealed := func() {
		t.Helper()
		for i, labels := range alerts {
			want := map[bool]int{true: 1}[i < 3] // the last is over
			if found, err := jobs(t.Context(), fingerprint(labels)); err != nil || len(found) != want {
				t.Errorf("alert %d has %d Jobs, want %d, %v", i, len(found), want, err)
			}
		}
	}
	assertHealed()
	awaitPending(t, run, 0)

	// Of dead letters there is nothing left; all of it, dead letters or not, is answered from records.
	if said := cli(t, heal...); !strings.Contains(said, "0 events sent") {
		t.Errorf("the second time quench replay says\n%s", said)
	}
	all := append([]string{"replay", "--since", "1h"}, of...)
	if said := cli(t, append(all, "--dry-run")...); strings.Count(said, "answers from its record") != 3 || !strings.Contains(said, "AlertResolved") {
		t.Errorf("the dry run of all says\n%s", said)
	}
	if said := cli(t, append(all, "--yes")...); !strings.Contains(said, "5 events sent") || !strings.Contains(said, "outcomes") {
		t.Errorf("the replay of all says\n%s", said)
	}
	assertHealed()

	first := awaitRecorded(t, "alerts", "the first alert's event", func(r request) bool { return r.attribute("fingerprint") == fingerprint(alerts[0]) })
	again := []string{"replay", "--id", first.attribute("id"), "--again", "--operator-key", os.Getenv("QUENCH_KEY"), "--yes"}
	if said := cli(t, again...); !strings.Contains(said, "under new ids") || !strings.Contains(said, "1 events sent") {
		t.Errorf("quench replay --again says\n%s", said)
	}
	if found, err := jobs(t.Context(), fingerprint(alerts[0])); err != nil || len(found) != 2 {
		t.Errorf("sent again on purpose, the alert has %d Jobs, want 2, %v", len(found), err)
	}

	var story string
	eventually(t, time.Minute, "the whole story", func(context.Context) error {
		story = cli(t, "events", "story", first.attribute("correlationid"))
		for _, says := range []string{
			"fires: E2E", "not taken by http://job-runner.quench.svc", "which answered 503: ", "sent again by a replay, and taken",
			"job-runner succeeded (Created)", "sent again on purpose", ", as alice asked", "job-results succeeded",
		} {
			if !strings.Contains(story, says) {
				return fmt.Errorf("it does not say %q:\n%s", says, story)
			}
		}
		return nil
	})
	t.Logf("the story:\n%s", story)
	watched(`"what":"firing"`, `"what":"dead letter"`, `"quench/replay"`, `"what":"succeeded"`)
}

// awaitPending waits until so many of the run's dead letters wait in the archive.
func awaitPending(t *testing.T, run string, want int) {
	t.Helper()
	eventually(t, 3*time.Minute, fmt.Sprintf("%d dead letters that wait", want), func(ctx context.Context) error {
		waiting, err := archived(ctx, history.Query{Pending: true, Attributes: map[string]string{"run": run}})
		if err == nil && len(waiting) != want {
			err = fmt.Errorf("%d wait", len(waiting))
		}
		for _, e := range waiting {
			if e.Event.Extensions()[alert.AttrSignature] == nil || !json.Valid(e.Event.Data()) {
				t.Errorf("the archive has %s", e.Event)
			}
		}
		return err
	})
}

// seeing follows the Broker by quench trigger watch; what it returns ends that, and looks whether it has told of these.
func seeing(t *testing.T, args ...string) func(says ...string) {
	t.Helper()
	program, err := filepath.Abs(filepath.Join(root, ".build", "quench"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, program, append([]string{"trigger", "watch", "-o", "jsonl"}, args...)...)
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+cluster.kubeconfig)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return func(says ...string) {
		t.Helper()
		end()
		if err := cmd.Wait(); err != nil && ctx.Err() == nil {
			t.Errorf("quench trigger watch: %v", err)
		}
		for _, text := range says {
			if !strings.Contains(said.String(), text) {
				t.Errorf("quench trigger watch does not tell of %s:\n%s", text, &said)
			}
		}
	}
}
