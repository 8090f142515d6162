//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/tests/published"
)

const hanging = `
apiVersion: v1
kind: Namespace
metadata: { name: NAMESPACE }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: NAMESPACE }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: app, image: E2E/nothing }]
`

// The README's "A function of one's own", by the func CLI itself, into the namespace that quench is in: func makes it from the
// template, its tests pass, func deploys it, and an alert that Alertmanager sends is answered by a restart, once, under
// quench's policy and with its own rights alone.
func TestFunctionOfOnesOwn(t *testing.T) {
	release := published.New(t, root)
	f := &funcCLI{folder: t.TempDir(), env: append(funcEnvironment(t), append(release.Env, "GOFLAGS=-mod=mod")...)}
	commands := published.Commands(t, root, "## A function of one's own")
	if len(commands) != 4 {
		t.Fatalf("the README has %d blocks on functions of one's own, not the four that the test knows", len(commands))
	}
	namespace := shop(t)
	if said := f.run(t, strings.ReplaceAll(commands[0], "https://"+published.Module, release.URL)); !strings.Contains(said, "ok  \tfunction\t") {
		t.Fatalf("its tests say:\n%s", said)
	}
	f.folder = filepath.Join(f.folder, "restart")
	f.mayActIn(t, namespace)
	removeOwn(t)
	f.run(t, strings.ReplaceAll(commands[2], "example.com/alerts", fmt.Sprintf("%s/own-%d", funcRegistry(t), time.Now().UnixNano())))
	eventually(t, 2*time.Minute, "its Triggers", inStep)

	must(t, withImages(strings.ReplaceAll(hanging, "NAMESPACE", namespace)), "apply", "-f", "-")
	must(t, "", "rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
	hangs := func(more ...string) map[string]string {
		return unique(t, append([]string{"alertname", "AppHangs", "remediation", "restart", "namespace", namespace, "deployment", "web"}, more...)...)
	}
	outcomeOf := func(labels map[string]string) request {
		t.Helper()
		return awaitRecorded(t, "outcomes", "the outcome", func(r request) bool {
			return r.attribute("fingerprint") == fingerprint(labels) && r.attribute("action") == "restart"
		})
	}

	// The policy that names it, as the README does, is one that quench's own functions read, too.
	rule(t, commands[3])
	other := hangs("remediation", "restart", "team", "another")
	rule(t, strings.ReplaceAll(commands[3], `'remediation="restart"'`, `'team="shop"'`))
	fire(t, posted{Labels: other})
	if refused := outcomeOf(other); reasonOf(refused) != policy.ReasonAlertNotAllowed {
		t.Errorf("an alert that may not start it is answered with %s", refused.Body)
	}
	rule(t, commands[3])
	usual := unique(t)
	fire(t, posted{Labels: usual})
	eventually(t, time.Minute, "job-runner's Job under this policy", func(ctx context.Context) error { return oneJob(ctx, fingerprint(usual)) })

	labels := hangs()
	fire(t, posted{Labels: labels})
	done := outcomeOf(labels)
	if done.attribute("type") != "dev.quench.action.succeeded" || reasonOf(done) != "Restarted" ||
		done.attribute("source") != "/quench/restart" || done.attribute("subject") != "apps/v1/deployments/"+namespace+"/web" {
		t.Errorf("the outcome is %v %s", done.Header, done.Body)
	}
	must(t, "", "rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
	web, err := cluster.client.AppsV1().Deployments(namespace).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if web.Generation != 2 || web.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] == "" || web.Annotations["quench.dev/function"] != "restart" {
		t.Errorf("the Deployment is at generation %d, with annotations %v and %v: it was not restarted once", web.Generation, web.Annotations, web.Spec.Template.Annotations)
	}
	records := must(t, "", "get", "remediations", "-n", quench, "-l", "quench.dev/correlation-id="+done.attribute("correlationid"))
	for _, says := range []string{"AppHangs", "restart", "Finished", "succeeded"} {
		if !strings.Contains(records, says) {
			t.Errorf("kubectl get remediations does not say %q:\n%s", says, records)
		}
	}
	eventually(t, time.Minute, "an Event on the Deployment", func(ctx context.Context) error {
		told, err := kubectl(ctx, "", "get", "events", "-n", namespace, "--field-selector=involvedObject.name=web,reason=Restarted", "-o", "name")
		if err == nil && told == "" {
			err = fmt.Errorf("there is none")
		}
		return err
	})
}

// mayActIn has the template's rights be for this namespace.
func (f *funcCLI) mayActIn(t *testing.T, namespace string) {
	t.Helper()
	name := filepath.Join(f.folder, "rbac.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(string(text), "namespace: shop\n", "namespace: "+namespace+"\n"))
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
	// The RoleBinding is applied before the Deployment is.
	must(t, strings.ReplaceAll("apiVersion: v1\nkind: Namespace\nmetadata: { name: NAMESPACE }\n", "NAMESPACE", namespace), "apply", "-f", "-")
}

// removeOwn removes, when the test ends, what the README's commands make; Triggers one at a time, as putTriggers does.
func removeOwn(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		removeTriggers(t, "restart", "restart-approvals")
		for _, args := range [][]string{
			{"delete", "ksvc/restart", "serviceaccount/restart", "rolebinding/restart-records", "-n", quench, "--ignore-not-found"},
			{"delete", "clusterrole/quench-restart", "--ignore-not-found"},
		} {
			if _, err := kubectl(ctx, "", args...); err != nil {
				t.Error(err)
			}
		}
	})
}
