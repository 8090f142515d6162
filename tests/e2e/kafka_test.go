//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// kafkaAdmission is the name of the admission of Knative's Broker for Apache Kafka.
const kafkaAdmission = "validation.webhook.kafka.eventing.knative.dev"

// neededFirst are the objects that Serving's admission wants to see.
var neededFirst = regexp.MustCompile(`(?m)^kind: (Namespace|ServiceAccount)$`)

// The Kafka overlay as it is shipped passes the admission of Knative and of its Broker for Apache Kafka, and what is wrong
// with a Broker is refused by them, as far as they look. The keys of the ConfigMap are not looked at here, but by
// the test in tests/cluster/parts/kafka.
//
// Without a Kafka nothing more is proven: no controller makes a topic or answers for the Broker's address, no event is
// received, kept, delivered, tried again, dead-lettered, nor outlives a pod.
func TestKafkaOverlayIsAdmitted(t *testing.T) {
	installKafka(t)
	namespace := fmt.Sprintf("kafka-%d", time.Now().UnixNano())
	overlay := kafkaOverlay(t, namespace)

	admitted := must(t, "", "apply", "--dry-run=server", "-k", overlay)
	for _, object := range []string{
		"configmap/kafka-broker-config", "broker.eventing.knative.dev/default", "trigger.eventing.knative.dev/job-runner",
		"service.serving.knative.dev/image-patcher", "trigger.eventing.knative.dev/image-patcher",
		"service.serving.knative.dev/adapter", "service.serving.knative.dev/job-runner", "sinkbinding.sources.knative.dev/adapter",
	} {
		if !strings.Contains(admitted, object+" created") {
			t.Errorf("%s was not admitted; what was:\n%s", object, admitted)
		}
	}

	// On top of the standard overlay: a Broker keeps its class, so going over to Kafka takes a new one.
	_, err := kubectl(t.Context(), "", "apply", "--dry-run=server", "-k", filepath.Join(root, "knative/overlays/kafka"))
	refusedBy(t, "the Kafka overlay over the standard one", err, "validation.webhook.eventing.knative.dev", "Immutable fields changed")

	for name, c := range map[string]struct{ class, spec, by, because string }{
		"config is not a ConfigMap": {
			"Kafka", "config: { apiVersion: v1, kind: Secret, name: kafka }", kafkaAdmission, "invalid value: Secret: spec.config.kind",
		},
		"config of a data plane of its own is elsewhere": {
			"KafkaNamespaced", "config: { apiVersion: v1, kind: ConfigMap, name: kafka, namespace: default }", kafkaAdmission,
			"invalid value: default: spec.config.namespace",
		},
		"delay is no duration": {
			"Kafka", "config: { apiVersion: v1, kind: ConfigMap, name: kafka }\n  delivery: { retry: 3, backoffDelay: 500ms }",
			"validation.webhook.eventing.knative.dev", "invalid value: 500ms: spec.delivery.backoffDelay",
		},
		"tries are negative": {
			"Kafka", "config: { apiVersion: v1, kind: ConfigMap, name: kafka }\n  delivery: { retry: -1 }",
			"validation.webhook.eventing.knative.dev", "invalid value: -1: spec.delivery.retry",
		},
		// These two are for the controller to find: the Broker stays not ready.
		"no config":              {class: "Kafka", spec: "{}"},
		"ConfigMap is not there": {class: "Kafka", spec: "config: { apiVersion: v1, kind: ConfigMap, name: none }"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kubectl(t.Context(), kafkaBroker(namespace, c.class, c.spec), "create", "--dry-run=server", "-f", "-")
			if c.by != "" {
				refusedBy(t, "the Broker", err, c.by, c.because)
			} else if err != nil {
				t.Errorf("the Broker was refused: %v", err)
			}
		})
	}
}

func kafkaBroker(namespace, class, spec string) string {
	return fmt.Sprintf("apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata:\n  name: events\n  namespace: %s\n"+
		"  annotations: { eventing.knative.dev/broker.class: %s }\nspec:\n  %s\n", namespace, class, spec)
}

func refusedBy(t *testing.T, what string, err error, webhook, because string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s was admitted", what)
		return
	}
	if text := err.Error(); !strings.Contains(text, webhook) || !strings.Contains(text, because) {
		t.Errorf("%s was refused otherwise than by %s with %q: %v", what, webhook, because, err)
	}
}

// installKafka puts the definitions and the admission of Knative's Broker for Apache Kafka on the cluster.
func installKafka(t *testing.T) {
	t.Helper()
	program := setting("E2E_CLUSTER", filepath.Join(root, ".build/quench-cluster"))
	if _, err := os.Stat(program); err != nil {
		t.Skipf("no quench-cluster to take Kafka's manifests from: %v", err)
	}
	command := exec.CommandContext(t.Context(), program, "manifests", "--source", filepath.Join(root, "tests/cluster"), "kafka")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("quench-cluster manifests kafka: %v", err)
	}
	const name = "eventing-kafka-webhook"
	manifests := strings.ReplaceAll(string(out), "dev.local/"+name+":e2e", fmt.Sprintf(world.Images, name))
	t.Cleanup(func() {
		// The webhooks before what answers them, or no Broker could be changed in between.
		_, err := kubectl(context.Background(), "", "delete", "--ignore-not-found",
			"validatingwebhookconfiguration/"+kafkaAdmission,
			"mutatingwebhookconfiguration/defaulting.webhook.kafka.eventing.knative.dev",
			"mutatingwebhookconfiguration/pods.defaulting.webhook.kafka.eventing.knative.dev")
		if err == nil {
			_, err = kubectl(context.Background(), manifests, "delete", "--ignore-not-found", "-f", "-")
		}
		if err != nil {
			t.Errorf("remove Kafka's admission: %v", err)
		}
	})
	must(t, manifests, "apply", "--server-side", "--force-conflicts", "-f", "-")
	must(t, "", "wait", "--for=condition=Available", "--timeout=120s", "-n", eventing, "deployment/kafka-webhook-eventing")
	// It says itself what it wants to see, once it runs.
	bad := kafkaBroker("default", "Kafka", "config: { apiVersion: v1, kind: Secret, name: kafka }")
	eventually(t, time.Minute, "Kafka's admission to look at Brokers", func(ctx context.Context) error {
		if _, err := kubectl(ctx, bad, "create", "--dry-run=server", "-f", "-"); err == nil || !strings.Contains(err.Error(), "spec.config.kind") {
			return fmt.Errorf("a Broker that is wrong: %w", err)
		}
		return nil
	})
}

// kafkaOverlay is the overlay in another namespace than quench's, where there is a Broker of that name already. The
// namespace and the service accounts are made: Serving's admission tries a pod, which needs both.
func kafkaOverlay(t *testing.T, namespace string) string {
	t.Helper()
	folder := t.TempDir()
	overlay, err := filepath.Abs(filepath.Join(root, "knative/overlays/kafka"))
	if err != nil {
		t.Fatal(err)
	}
	if overlay, err = filepath.Rel(folder, overlay); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: %s\nresources: [%s]\n", namespace, overlay)
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var needed []string
	for object := range strings.SplitSeq(must(t, "", "kustomize", folder), "\n---\n") {
		if neededFirst.MatchString(object) {
			needed = append(needed, object)
		}
	}
	t.Cleanup(func() {
		if _, err := kubectl(context.Background(), "", "delete", "namespace", namespace, "--ignore-not-found", "--wait=false"); err != nil {
			t.Error(err)
		}
	})
	must(t, strings.Join(needed, "\n---\n"), "apply", "-f", "-")
	return folder
}
