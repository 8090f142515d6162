//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/enriched"
)

const ill = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: NAME, namespace: NAMESPACE }
spec:
  selector: { matchLabels: { app: NAME } }
  template:
    metadata: { labels: { app: NAME } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: app
`

// Three pods that are ill in earnest: kube-state-metrics and Prometheus tell of them, and what comes of the alert says why,
// from what kubelet, scheduler and the container itself say. With -update the events become the samples in the docs.
func TestAlertsAreEnriched(t *testing.T) {
	namespace := fmt.Sprintf("enrich-%d", time.Now().UnixNano())
	openEnricher(t, namespace)
	image, registry := "registry.invalid/team/frontend:1.0.1", "registry.invalid"
	if own() {
		pushed, pulled := ownRegistry(t)
		push(t, pushed+"/team/frontend:1.0.0")
		image, registry = pulled+"/team/frontend:1.0.1", pulled
	}
	// The memory grows until the kernel ends the shell.
	const eats = `[/bin/sh, -c, "echo loading; echo DB_PASSWORD=geheim; x=aaaaaaaa; while true; do x=$x$x; done"]`
	for name, test := range map[string]struct {
		spec, alertname string
		reasons         []string
		action          string
		check           func(t *testing.T, e *enriched.Enriched)
	}{
		"image-that-is-not-there": {
			"image: " + image, "KubeContainerWaiting",
			[]string{"ImagePullBackOff", "ErrImagePull"},
			"image-patcher",
			func(t *testing.T, e *enriched.Enriched) {
				if c := e.Containers[0]; c.State != "waiting" || c.Image != image || len(e.Logs) > 0 || e.Node == nil {
					t.Errorf("container %+v, logs %v, node %v", c, e.Logs, e.Node)
				}
				if !slices.ContainsFunc(e.Events, func(e enriched.Event) bool { return e.Type == "Warning" && strings.Contains(e.Message, image) }) {
					t.Errorf("events %v", e.Events)
				}
			},
		},
		"memory-that-ran-out": {
			"image: E2E/kubectl, command: " + eats + ", resources: { limits: { memory: 32Mi } }", "KubePodOOMKilled",
			[]string{"OOMKilled"},
			"raise-memory-limit",
			func(t *testing.T, e *enriched.Enriched) {
				if c := e.Containers[0]; c.Last == nil || c.Last.Reason != "OOMKilled" || c.Last.ExitCode != 137 || c.Restarts < 1 {
					t.Errorf("container %+v, last %+v", c, c.Last)
				}
				if len(e.Logs) != 1 || e.Logs[0].Text != "loading\nDB_PASSWORD=***" {
					t.Errorf("logs %+v", e.Logs)
				}
			},
		},
		"pod-that-fits-nowhere": {
			"image: E2E/kubectl, resources: { requests: { memory: 64Ti } }", "KubePodUnschedulable",
			[]string{"Unschedulable"},
			"rollback",
			func(t *testing.T, e *enriched.Enriched) {
				if e.Pod.Phase != "Pending" || e.Node != nil || !strings.Contains(e.Message, "Insufficient memory") {
					t.Errorf("pod %+v, message %q", e.Pod, e.Message)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer("NAMESPACE", namespace, "NAME", name).Replace(ill)
			text = strings.Replace(text, "- name: app", "- { name: app, "+test.spec+" }", 1)
			must(t, withImages(text), "apply", "-f", "-")
			got := awaitRecorded(t, "enriched", "the enriched alert", func(r request) bool {
				return r.attribute("namespace") == namespace && strings.HasPrefix(r.attribute("pod"), name+"-")
			})
			of := asEvent(t, got)
			e, err := enriched.Decode(of)
			if err != nil {
				t.Fatal(err)
			}
			// Two Alertmanagers send it, whose URLs differ.
			cause := awaitRecorded(t, "alerts", "the alert's event", func(r request) bool {
				return r.attribute("id") == got.attribute("causationid") && string(r.Body) == string(e.Alert.Data())
			})
			for what, pair := range map[string][2]string{
				"type":           {of.Type(), enriched.Type},
				"subject":        {of.Subject(), cause.attribute("subject")},
				"alertname":      {got.attribute("alertname"), test.alertname},
				"correlation id": {got.attribute("correlationid"), cause.attribute("correlationid")},
				"target":         {e.Target, "apps/v1/deployments/" + namespace + "/" + name},
				"action":         {e.Suggestion.Action, test.action},
			} {
				if pair[0] != pair[1] || pair[0] == "" {
					t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
				}
			}
			if !slices.Contains(test.reasons, e.Reason) || e.Pod == nil || len(e.Containers) != 1 || len(e.Events) == 0 || e.Owner == nil || e.Rollout == nil || len(e.Missing) > 0 {
				t.Fatalf("it says %s", got.Body)
			}
			test.check(t, e)
			if strings.Contains(string(got.Body), "geheim") {
				t.Errorf("it tells a secret: %s", got.Body)
			}
			keepSample(t, name, of, strings.NewReplacer(registry, "registry.example.com", namespace, "shop"))
		})
	}
	t.Run("forged", func(t *testing.T) { forgedAlertTellsNothing(t, namespace) })
}

// Whoever can post to the Broker gets no pod's log: an alert that nobody signed is not looked into. That enricher looked at
// it is seen by the genuine one that comes after it.
func forgedAlertTellsNothing(t *testing.T, namespace string) {
	genuine := asEvent(t, awaitRecorded(t, "alerts", "an alert's event", func(r request) bool {
		return r.attribute("namespace") == namespace && r.attribute("type") == alert.TypeFiring
	}))
	forged := genuine.Clone()
	forged.SetID("forged-" + namespace)
	forged.SetExtension(alert.AttrSignature, nil)
	told := func(ctx context.Context, cause string) (n int, err error) {
		all, err := recorded(ctx, "enriched")
		for _, r := range all {
			if r.attribute("causationid") == cause {
				n++
			}
		}
		return n, err
	}
	before, err := told(t.Context(), genuine.ID())
	if err != nil {
		t.Fatal(err)
	}
	postEvent(t, forged)
	postEvent(t, genuine)
	eventually(t, time.Minute, "the genuine alert, enriched once more", func(ctx context.Context) error {
		after, err := told(ctx, genuine.ID())
		if err == nil && after == before {
			err = fmt.Errorf("told %d times", after)
		}
		return err
	})
	if n, err := told(t.Context(), forged.ID()); n > 0 || err != nil {
		t.Errorf("a forged alert is enriched %d times (%v)", n, err)
	}
}

// keepSample writes an event into the docs, if the tests are asked to.
func keepSample(t *testing.T, name string, e event.Event, plain *strings.Replacer) {
	t.Helper()
	if !*update {
		return
	}
	for attribute := range e.Extensions() {
		if strings.HasPrefix(attribute, "knative") {
			e.SetExtension(attribute, nil)
		}
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(plain.Replace(string(text))), "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	folder := filepath.Join(root, "function/enricher/samples")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".json"), pretty.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// openEnricher makes the namespace, and lets enricher read in it, and nodes, as the sample has it.
func openEnricher(t *testing.T, namespace string) {
	t.Helper()
	sample, err := os.ReadFile(filepath.Join(root, "knative/samples/site/enrich-in-shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(sample), "namespace: shop\n", "namespace: "+namespace+"\n")
	must(t, "", "create", "namespace", namespace)
	t.Cleanup(func() {
		if err := cluster.client.CoreV1().Namespaces().Delete(context.Background(), namespace, metav1.DeleteOptions{}); err != nil {
			t.Logf("delete namespace: %v", err)
		}
		// No account of quench's may read nodes, say other tests.
		if err := cluster.client.RbacV1().ClusterRoleBindings().Delete(context.Background(), "quench-enricher-nodes", metav1.DeleteOptions{}); err != nil {
			t.Errorf("delete binding: %v", err)
		}
	})
	must(t, text, "apply", "-f", "-")
	eventually(t, time.Minute, "enricher's rights", func(context.Context) error {
		if !can(t, "enricher", "get", "pods/log", namespace) || !can(t, "enricher", "get", "nodes", "") {
			return fmt.Errorf("it has none yet")
		}
		return nil
	})
}
