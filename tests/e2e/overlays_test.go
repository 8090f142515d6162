//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/knative/trigger"
)

// topKind is how an object's kind stands in YAML.
var topKind = regexp.MustCompile(`(?m)^kind: `)

// Every object of the standard overlay, and of the sample of an installation of one's own, passes Kubernetes' schemas and
// Knative's admission as a new one. (The Kafka overlay has a test of its own.)
func TestOverlaysAreAdmitted(t *testing.T) {
	for _, overlay := range []string{"knative/overlays/standard", "knative/samples/site"} {
		t.Run(overlay, func(t *testing.T) {
			folder := elsewhere(t, overlay)
			objects := len(topKind.FindAllString(must(t, "", "kustomize", folder), -1))
			admitted := must(t, "", "apply", "--dry-run=server", "-k", folder)
			if lines := strings.Count(admitted, "\n"); objects == 0 || lines != objects {
				t.Errorf("%d of %d objects were admitted:\n%s", lines, objects, admitted)
			}
			for _, kind := range []string{
				"configmap/", "rolebinding.", "networkpolicy.", "service.serving.", "broker.", "trigger.", "sinkbinding.", "apiserversource.",
			} {
				if !regexp.MustCompile(`(?m)^` + kind + `.* created \(server dry run\)$`).MatchString(admitted) {
					t.Errorf("no object %s… was admitted as a new one:\n%s", kind, admitted)
				}
			}
		})
	}
}

// elsewhere makes an overlay that puts one into a namespace of its own, so that it meets nothing of what is installed.
// The namespace and the service accounts are made: Serving's admission tries a pod, which needs them.
func elsewhere(t testing.TB, overlay string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	base, err := filepath.Abs(filepath.Join(root, overlay))
	if err != nil {
		t.Fatal(err)
	}
	if base, err = filepath.Rel(folder, base); err != nil {
		t.Fatal(err)
	}
	namespace := fmt.Sprintf("overlay-%d", time.Now().UnixNano())
	text := fmt.Sprintf("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: %s\nresources: [%s]\n", namespace, base)
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "", "create", "namespace", namespace)
	t.Cleanup(func() {
		if _, err := kubectl(context.Background(), "", "delete", "namespace", namespace, "--wait=false"); err != nil {
			t.Error(err)
		}
	})
	for _, account := range []string{"adapter", "dead-letter", "job-results", "job-runner", "keys", "rollback", "image-patcher", "enricher"} {
		must(t, "", "create", "serviceaccount", account, "-n", namespace)
	}
	return folder
}

// The admission that the overlays pass is really there: what is wrong is refused, by Knative's webhooks or by the schema.
func TestWrongManifestsAreRefused(t *testing.T) {
	const (
		eventing = "validation.webhook.eventing.knative.dev"
		serving  = "validation.webhook.serving.knative.dev"
		schema   = "strict decoding error"
	)
	for name, wrong := range map[string]struct{ kind, spec, by, because string }{
		"a filter on a label's name instead of the attribute's": {
			"Trigger", `broker: default, filters: [{ exact: { pod_name: x } }], subscriber: { uri: "http://a.b/" }`, eventing, "pod_name",
		},
		"a filter in CESQL that does not parse": {
			"Trigger", `broker: default, filters: [{ cesql: "severity =" }], subscriber: { uri: "http://a.b/" }`, eventing, "cesql",
		},
		"a Trigger for nobody":                     {"Trigger", `broker: default`, eventing, "spec.subscriber"},
		"a field of a Trigger that there is not":   {"Trigger", `broker: default, filtres: [], subscriber: { uri: "http://a.b/" }`, "webhook.eventing.knative.dev", "filtres"},
		"a delay that is no ISO 8601 duration":     {"Broker", `delivery: { retry: 3, backoffDelay: 500ms }`, eventing, "spec.delivery.backoffDelay"},
		"a policy that there is not":               {"Broker", `delivery: { retry: 3, backoffPolicy: random }`, eventing, "spec.delivery.backoffPolicy"},
		"a dead-letter sink that is nowhere":       {"Broker", `delivery: { deadLetterSink: {} }`, eventing, "spec.delivery.deadLetterSink"},
		"a binding to no sink":                     {"SinkBinding", `subject: { apiVersion: v1, kind: Pod, name: a }, sink: {}`, eventing, "spec.sink"},
		"a scale that is no number":                {"Service", `template: { metadata: { annotations: { autoscaling.knative.dev/min-scale: many } }, spec: { containers: [{ image: a }] } }`, serving, "min-scale"},
		"a timeout above what the cluster allows":  {"Service", `template: { spec: { timeoutSeconds: 100000, containers: [{ image: a }] } }`, serving, "timeoutSeconds"},
		"a function with a privileged container":   {"Service", `template: { spec: { containers: [{ image: a, securityContext: { privileged: true } }] } }`, serving, "privileged"},
		"a field of a container that there is not": {"Service", `template: { spec: { containers: [{ image: a, pullPolicy: Always }] } }`, schema, "pullPolicy"},
		"a record whose function is no name":       {"Remediation", `function: 7`, "Invalid value", "spec.function"},
		"a field of a record in the wrong place":   {"Remediation", `phase: Finished`, schema, "spec.phase"},
	} {
		t.Run(name, func(t *testing.T) {
			version := map[string]string{
				"Trigger": "eventing.knative.dev/v1", "Broker": "eventing.knative.dev/v1", "SinkBinding": "sources.knative.dev/v1",
				"Service": "serving.knative.dev/v1", "Remediation": "quench.dev/v1alpha1",
			}[wrong.kind]
			text := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: { name: wrong, namespace: default }\nspec: { %s }\n", version, wrong.kind, wrong.spec)
			_, err := kubectl(t.Context(), text, "create", "--dry-run=server", "-f", "-")
			refusedBy(t, name, err, wrong.by, wrong.because)
			if wrong.kind != "Trigger" {
				return
			}
			file := filepath.Join(t.TempDir(), "trigger.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := trigger.Load(file); err == nil {
				t.Error("the cluster refuses the Trigger, but knative/trigger takes it")
			}
		})
	}
}

// Another image is taken by everything that is installed, the pod included that has made the keys.
func TestAnotherImageIsTaken(t *testing.T) {
	next := world
	next.Artefacts, next.Image = t.TempDir(), "dev.local/quench:another"
	site, err := next.Site()
	if err != nil {
		t.Fatal(err)
	}
	applied := must(t, "", "apply", "--dry-run=server", "-k", site)
	for _, what := range []string{"pod/keys-", "service.serving.knative.dev/adapter", "service.serving.knative.dev/job-runner"} {
		if !regexp.MustCompile(`(?m)^` + what + `.* configured \(server dry run\)$`).MatchString(applied) {
			t.Errorf("%s… has not got another image:\n%s", what, applied)
		}
	}
}

// Applying the installed overlay once more changes no object and makes no Revision.
func TestApplyingAgainChangesNothing(t *testing.T) {
	site, err := siteFolder()
	if err != nil {
		t.Fatal(err)
	}
	state := func() string {
		const each = `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} generation {.metadata.generation}{"\n"}{end}`
		return must(t, "", "get", "-k", site, "-o", each) + must(t, "", "get", "revisions", "-n", quench, "-o", "name")
	}
	before := state()
	if difference, err := kubectl(t.Context(), "", "diff", "-k", site); err != nil {
		t.Errorf("kubectl diff: %v: %s", err, difference)
	}
	for line := range strings.Lines(must(t, "", "apply", "-k", site)) {
		// kubectl sends a list again whole where the server has added to an element of it. Of a Knative Service's containers
		// Serving fills in defaults, and the SinkBinding the sink: kubectl says "configured", and nothing is different after.
		if !strings.HasSuffix(line, " unchanged\n") && !strings.HasPrefix(line, "service.serving.knative.dev/") {
			t.Errorf("applied again: %s", line)
		}
	}
	if after := state(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}
