//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
)

// commands are what the test's installation of samples/command runs. Its image is quench's own, so its programs are
// quench's: one that says something and ends, and one, the gate, that runs until it is told to end; serving is that one's
// environment, which it has of command.
const (
	commands = `
commands:
- {name: version, cmd: /adapter, args: [--version], match_labels: {do: version}}
- {name: serve, cmd: /gate, match_labels: {do: serve}, resolved_signal: SIGTERM}
`
	serving = `patches:
  - target: { kind: Service, name: command }
    patch: |-
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value: { name: PROMETHEUS_ENDPOINT, value: "http://127.0.0.1:1" }
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value: { name: KUBE_PROBE_LISTEN_PORT, value: "18080" }
`
)

// installCommand applies samples/command as a user has it, with an image and commands of the test's, until the test ends.
func installCommand(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	sample, err := filepath.Abs(filepath.Join(root, "knative/samples/command"))
	if err != nil {
		t.Fatal(err)
	}
	if sample, err = filepath.Rel(folder, sample); err != nil {
		t.Fatal(err)
	}
	name, version := world.Image, ""
	if at := strings.IndexByte(name, '@'); at > 0 {
		name, version = name[:at], "digest: "+name[at+1:]
	} else if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		name, version = name[:at], "newTag: "+name[at+1:]
	}
	text := fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
components: [%s, own]
images: [{ name: quench-dev/commands, newName: %q, %s }]
`, sample, name, version) + serving
	own := `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
configMapGenerator:
  - { name: quench-commands, namespace: quench, behavior: replace, files: [commands.yaml] }
`
	if err := os.Mkdir(filepath.Join(folder, "own"), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{"kustomization.yaml": text, "own/kustomization.yaml": own, "own/commands.yaml": commands} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	built := must(t, "", "kustomize", folder)
	must(t, built, "apply", "-f", "-")
	t.Cleanup(func() {
		removeTriggers(t, "command", "command-approvals")
		if _, err := kubectl(context.Background(), built, "delete", "-f", "-", "--ignore-not-found"); err != nil {
			t.Error(err)
		}
	})
	must(t, "", "wait", "ksvc/command", "-n", quench, "--for=condition=Ready", "--timeout=180s")
	eventually(t, 2*time.Minute, "command's Triggers", inStep)
}

// notification is the signed event of a whole webhook about one alert, as the adapter makes it with GROUP_EVENTS.
func notification(t *testing.T, key *alert.SigningKey, do, run, status string) event.Event {
	t.Helper()
	body := fmt.Sprintf(`{"version":"4","status":%[1]q,"receiver":"executor","groupKey":%[2]q,"groupLabels":{},"commonLabels":{"alertname":"Command","do":%[3]q},`+
		`"commonAnnotations":{},"externalURL":"http://am","alerts":[{"status":%[1]q,"labels":{"alertname":"Command","do":%[3]q,"run":%[2]q},"annotations":{},`+
		`"startsAt":"2026-11-20T22:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":%[4]q}]}`, status, run, do, alert.Hash(run)[:16])
	p, err := alert.Decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	e, err := (&alert.Encoder{Source: alert.Source("e2e")}).GroupEvent(p, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Sign(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

// On Knative a notification runs a real command, once; one that runs for an alert gets its signal when that resolves, by
// an event of its own; and what the adapter did not sign runs nothing.
func TestCommandRunsForANotification(t *testing.T) {
	installCommand(t)
	key := signer(t, quench)
	run := fmt.Sprint(time.Now().UnixNano())
	outcomeOf := func(e event.Event) request {
		t.Helper()
		return awaitRecorded(t, "outcomes", "the outcome of "+e.Type(), func(r request) bool {
			return r.attribute("causationid") == e.ID() && r.attribute("action") == "command"
		})
	}
	// The in-memory channel answers once the command has ended, so nobody waits for it.
	var sends sync.WaitGroup
	defer sends.Wait()
	send := func(do, status string) event.Event {
		t.Helper()
		e := notification(t, key, do, run+do, status)
		sends.Go(func() { postEvent(t, e) })
		return e
	}

	version := send("version", "firing")
	outcome := outcomeOf(version)
	if outcome.attribute("type") != "dev.quench.action.succeeded" || outcome.attribute("subject") != "commands/version" ||
		!strings.Contains(string(outcome.Body), "quench adapter") || outcome.attribute("correlationid") != version.Extensions()["correlationid"] {
		t.Errorf("the outcome is %v %s", outcome.Header, outcome.Body)
	}
	if n := strings.Count(must(t, "", "get", "remediations", "-n", quench, "-o", "jsonpath={.items[*].spec.eventID}"), version.ID()); n != 1 {
		t.Errorf("%d records of the event", n)
	}

	running := send("serve", "firing")
	eventually(t, time.Minute, "the command to run", func(ctx context.Context) error {
		log, err := kubectl(ctx, "", "logs", "-n", quench, "-l", "serving.knative.dev/service=command", "-c", "command", "--tail=-1")
		for line := range strings.Lines(log) {
			if strings.Contains(line, running.ID()) && strings.Contains(line, "command started") {
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("the log says %s", log))
	})
	over := send("serve", "resolved")
	for _, e := range []event.Event{over, running} {
		if o := outcomeOf(e); reasonOf(o) != "Signalled" || !strings.Contains(string(o.Body), "SIGTERM") {
			t.Errorf("%s: the outcome is %s", e.Type(), o.Body)
		}
	}

	forged := notification(t, key, "version", run+"forged", "firing")
	forged.SetID(forged.ID() + "0")
	postEvent(t, forged)
	if o := outcomeOf(forged); reasonOf(o) != "BadSignature" {
		t.Errorf("the outcome of a forged notification is %s", o.Body)
	}
	compareRights(t, "command")
}
