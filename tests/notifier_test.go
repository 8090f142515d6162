package tests

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/tests/slack"
)

const everythingToNotifier = `
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: tell, namespace: quench }
spec:
  broker: default
  filters: [{ any: [{ prefix: { type: io.prometheus.alertmanager.alert. } }, { prefix: { type: dev.quench.action. } }] }]
  subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: notifier } }
`

// In one process, too, an alert, what was done about it and its end stand in one thread.
func TestStandaloneTellsSlack(t *testing.T) {
	server := &slack.Server{}
	at := httptest.NewServer(server)
	t.Cleanup(at.Close)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"token": slack.Token, "trigger.yaml": everythingToNotifier,
		"notifier.yaml": "receivers: [{name: ops, type: slack, channel: " + slack.Channel + ", tokenFile: " + dir + "/token, apiURL: " + at.URL + "/api}]",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("NOTIFIER_FILE", filepath.Join(dir, "notifier.yaml"))
	q := startQuench(t, "--listen=127.0.0.1:0", "--triggers="+filepath.Join(dir, "trigger.yaml"))
	am := startAlertmanager(t, q.url, time.Second)
	started := time.Now().Add(-time.Minute)
	labels := map[string]string{"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "frontend-7d4b9"}
	told := func(parts ...string) {
		t.Helper()
		eventually(t, time.Minute, fmt.Sprintf("%q in Slack", parts), func() error {
			all := server.Messages()
			var texts []string
			for _, m := range all {
				if m.Thread != "" && m.Thread != all[0].TS {
					t.Fatalf("%q is beside the thread", m.Text)
				}
				texts = append(texts, m.Text)
			}
			for _, part := range parts {
				if got := strings.Join(texts, "\n"); strings.Count(got, part) != 1 {
					return fmt.Errorf("got %q", got)
				}
			}
			return nil
		})
	}
	am.alert(t, started, false, labels)
	told("KubePodCrashLooping is firing", "job-runner succeeded: Created")
	am.alert(t, started, true, labels)
	told("KubePodCrashLooping is firing", "job-runner succeeded: Created", "KubePodCrashLooping is resolved")
}
