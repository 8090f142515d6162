//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rolledBack is the namespace that site/kustomization.yaml and monitoring/rules.yml are about.
const rolledBack = "shop-rollback"

const fitting = `
apiVersion: apps/v1
kind: KIND
metadata: { name: NAME, namespace: NAMESPACE }
spec:
  selector: { matchLabels: { app: NAME } }
  template:
    metadata: { labels: { app: NAME } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: app
          image: E2E/recorder
          env: [{ name: RELEASE, value: "1" }]
          resources: { requests: { memory: 16Mi } }
`

// releases is how many there are before the one that fits nowhere: the ninth is not the one before the thirteenth, though
// "9" comes after "12".
const releases = 12

// A release asks for more memory than any node has: its pod stays pending. kube-state-metrics and Prometheus tell of it,
// by a rule that keeps the namespace or by one that sums by pod, and rollback brings the release before it back; its pods
// run, and the alert resolves.
func TestReleaseThatFitsOnNoNodeIsRolledBack(t *testing.T) {
	openShop(t)
	for name, w := range map[string]struct{ kind, name, alertname string }{
		"Deployment, by namespace and pod": {"Deployment", "named-front-end", "KubePodUnschedulable"},
		"Deployment, by pod alone":         {"Deployment", "summed-front-end", "ShopPodPending"},
		"DaemonSet":                        {"DaemonSet", "named-node-agent", "KubePodUnschedulable"},
		"StatefulSet":                      {"StatefulSet", "named-data-store", "KubePodUnschedulable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := strings.ToLower(w.kind) + "/" + w.name
			rollout := func() { must(t, "", "rollout", "status", object, "-n", rolledBack, "--timeout=60s") }
			container := func(field string) string {
				return must(t, "", "get", object, "-n", rolledBack, "-o", "jsonpath={.spec.template.spec.containers[0]."+field+"}")
			}
			must(t, withImages(strings.NewReplacer("KIND", w.kind, "NAMESPACE", rolledBack, "NAME", w.name).Replace(fitting)), "apply", "-f", "-")
			rollout()
			for release := 2; release <= releases; release++ {
				must(t, "", "set", "env", object, "-n", rolledBack, fmt.Sprintf("RELEASE=%d", release))
				observed(t, object)
			}
			rollout()
			must(t, "", "set", "resources", object, "-n", rolledBack, "--requests=memory=64Ti")

			subject := "apps/v1/" + strings.ToLower(w.kind) + "s/" + rolledBack + "/" + w.name
			outcome := awaitRecorded(t, "outcomes", "the outcome about "+subject, func(r request) bool {
				return r.attribute("type") == "dev.quench.action.succeeded" && r.attribute("subject") == subject
			})
			if outcome.attribute("alertname") != w.alertname || outcome.attribute("action") != "rollback" || !strings.HasPrefix(outcome.attribute("pod"), w.name+"-") {
				t.Errorf("outcome is %v: %s", outcome.Header, outcome.Body)
			}
			if namespace := outcome.attribute("namespace"); (namespace == "") != strings.HasPrefix(w.name, "summed-") {
				t.Errorf("the alert's namespace is %q", namespace)
			}
			if w.kind == "StatefulSet" {
				if !strings.Contains(string(outcome.Body), "pods that were never ready") {
					t.Errorf("the outcome does not say that the pod is to be deleted: %s", outcome.Body)
				}
				must(t, "", "delete", "pod", w.name+"-0", "-n", rolledBack) // its controller waits for it in vain
			}
			rollout()
			if memory, release := container("resources.requests.memory"), container("env[0].value"); memory != "16Mi" || release != fmt.Sprint(releases) {
				t.Errorf("it asks for %s of memory and is release %s", memory, release)
			}
			allRun(t, w.name)
			awaitRecorded(t, "alerts", "the resolved alert's event", func(r request) bool {
				return r.attribute("type") == "io.prometheus.alertmanager.alert.resolved" && r.attribute("correlationid") == outcome.attribute("correlationid")
			})
		})
	}
}

// observed waits until the object's controller has seen its newest template.
func observed(t *testing.T, object string) {
	t.Helper()
	eventually(t, time.Minute, "the controller of "+object, func(ctx context.Context) error {
		says, err := kubectl(ctx, "", "get", object, "-n", rolledBack, "-o", "jsonpath={.metadata.generation} {.status.observedGeneration}")
		if err != nil {
			return err
		}
		if generation, seen, _ := strings.Cut(says, " "); generation != seen {
			return fmt.Errorf("it has seen generation %s of %s", seen, generation)
		}
		return nil
	})
}

// openShop makes the namespace, and lets rollback act in it as the sample has it.
func openShop(t *testing.T) {
	t.Helper()
	sample, err := os.ReadFile(filepath.Join(root, "knative/samples/site/in-shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the namespace", func(ctx context.Context) error { // that of an earlier run may still be on its way out
		_, err := kubectl(ctx, "", "create", "namespace", rolledBack)
		return err
	})
	t.Cleanup(func() {
		if err := cluster.client.CoreV1().Namespaces().Delete(context.Background(), rolledBack, metav1.DeleteOptions{}); err != nil {
			t.Logf("delete namespace: %v", err)
		}
	})
	must(t, regexp.MustCompile(`(?m)namespace: shop$`).ReplaceAllString(string(sample), "namespace: "+rolledBack), "apply", "-f", "-")
}

// allRun waits until every pod of the app runs.
func allRun(t *testing.T, app string) {
	t.Helper()
	eventually(t, time.Minute, "pods that run", func(ctx context.Context) error {
		pods, err := cluster.client.CoreV1().Pods(rolledBack).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return err
		}
		if len(pods.Items) == 0 {
			return errors.New("there is none")
		}
		for _, pod := range pods.Items {
			if pod.Status.Phase != "Running" {
				return fmt.Errorf("%s is %s", pod.Name, pod.Status.Phase)
			}
		}
		return nil
	})
}
