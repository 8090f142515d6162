//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/tests/slack"
)

// An alert fires, job-runner acts on it, its Job ends, notifier goes to sleep, and the alert resolves: all of it stands in
// one thread, once, as Slack would take it.
func TestOneThreadInSlack(t *testing.T) {
	folder, err := world.Overlay("notifier")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		removeTriggers(t, "notifier-alerts", "notifier-enriched", "notifier-outcomes")
		if _, err := kubectl(context.Background(), "", "delete", "-k", folder, "--ignore-not-found", "--timeout=2m"); err != nil {
			t.Error(err)
		}
	})
	must(t, "", "apply", "-k", folder)
	must(t, "", "wait", "-n", quench, "ksvc/notifier", "--for=condition=Ready", "--timeout=180s")
	eventually(t, 2*time.Minute, "notifier's Triggers", inStep)
	compareRights(t, "notifier")

	labels := unique(t, "notify", "slack")
	started := time.Now()
	fire(t, posted{Labels: labels, StartsAt: started, Annotations: map[string]string{"summary": "Tested by <!channel> & co."}})
	wanted := []string{"🔥 E2E is firing", "🔧 job-runner succeeded: Created (E2E)", "🔧 the Job succeeded: CompletionsReached (E2E)"}
	awaitSlack(t, labels["run"], wanted)
	eventually(t, 2*time.Minute, "notifier to sleep", func(ctx context.Context) error { return atZero(ctx, "notifier") })

	fire(t, posted{Labels: labels, StartsAt: started, EndsAt: time.Now()})
	told := awaitSlack(t, labels["run"], append(wanted, "✅ E2E is resolved"))
	for i, m := range told {
		if i == 0 && m.Thread != "" || i > 0 && m.Thread != told[0].TS {
			t.Errorf("message %d, %q, is beside the thread: %+v", i, m.Text, m)
		}
		if strings.Contains(m.All(), "<!channel>") {
			t.Errorf("a mention came through: %s", m.All())
		}
	}
	if last := told[len(told)-1].Text; last != "✅ E2E is resolved" {
		t.Errorf("the last is %q", last)
	}
}

// awaitSlack waits until what stands in Slack about a run is told as wanted, in any order, and nothing else.
func awaitSlack(t testing.TB, run string, wanted []string) (about []slack.Message) {
	t.Helper()
	want := slices.Sorted(slices.Values(wanted))
	eventually(t, 3*time.Minute, "the messages in Slack", func(ctx context.Context) error {
		text, err := through(cluster.client.CoreV1().RESTClient().Get(), e2e, "services", "recorder:http", "slack/messages").DoRaw(ctx)
		if err != nil {
			return fmt.Errorf("ask recorder: %w", err)
		}
		var all []slack.Message
		if err := json.Unmarshal(text, &all); err != nil {
			return err
		}
		// The first of a thread has the labels.
		root := slices.IndexFunc(all, func(m slack.Message) bool { return m.Thread == "" && strings.Contains(m.All(), run) })
		if root < 0 {
			return fmt.Errorf("no thread about the run %s among %d messages", run, len(all))
		}
		ts := all[root].TS
		about = slices.DeleteFunc(all, func(m slack.Message) bool { return m.TS != ts && m.Thread != ts })
		var texts []string
		for _, m := range about {
			texts = append(texts, m.Text)
		}
		if got := slices.Sorted(slices.Values(texts)); !slices.Equal(got, want) {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
	return about
}
