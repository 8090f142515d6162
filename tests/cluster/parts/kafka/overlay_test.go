// Package kafka reads the Kafka overlay with the code that reads it in production: that of the Knative Broker for Apache
// Kafka, whose controller itself cannot run without a Kafka.
package kafka

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/eventing-kafka-broker/control-plane/pkg/contract"
	"knative.dev/eventing-kafka-broker/control-plane/pkg/core/config"
	"knative.dev/eventing-kafka-broker/control-plane/pkg/kafka"
	duckv1 "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"sigs.k8s.io/yaml"
)

const manifests = "../../../../knative"

// The keys of the ConfigMap are those of this release: a wrong one is left at zero, and zero is refused.
func TestBrokerConfigIsATopic(t *testing.T) {
	var cm corev1.ConfigMap
	read(t, &cm, "overlays/kafka/broker-config.yaml")
	topic, err := kafka.TopicConfigFromConfigMap(zap.NewNop(), &cm)
	if err != nil {
		t.Fatal(err)
	}
	if got := topic.TopicDetail; got.NumPartitions != 10 || got.ReplicationFactor != 3 {
		t.Errorf("topic has %d partitions, %d replicas; want 10 and 3", got.NumPartitions, got.ReplicationFactor)
	}
	if got := topic.GetBootstrapServers(); got != cm.Data["bootstrap.servers"] {
		t.Errorf("bootstrap servers are %q, want those of the ConfigMap", got)
	}
	if known := len(cm.Data); known != 3 {
		t.Errorf("the ConfigMap has %d keys; this test knows of three", known)
	}
}

// The class is the one that the Kafka Broker takes for its own.
func TestBrokerIsOfTheClass(t *testing.T) {
	var broker eventingv1.Broker
	read(t, &broker, "overlays/kafka/broker.yaml")
	if !kafka.BrokerClassFilter()(&broker) {
		t.Errorf("the Kafka Broker would not look at a Broker with %v", broker.Annotations)
	}
}

// What the Broker and the Triggers say of delivery reaches the dispatcher in full, which is told milliseconds.
func TestDeliveryReachesTheDispatcher(t *testing.T) {
	triggers, err := filepath.Glob(filepath.Join(manifests, "base/*/trigger.yaml"))
	if err != nil || len(triggers) == 0 {
		t.Fatalf("%d Triggers, %v", len(triggers), err)
	}
	for _, file := range append(triggers, filepath.Join(manifests, "base/broker.yaml")) {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			var object struct {
				Spec struct{ Delivery duckv1.DeliverySpec }
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(text, &object); err != nil {
				t.Fatal(err)
			}
			delivery := object.Spec.Delivery
			delivery.DeadLetterSink = nil // an address, which only a cluster can tell
			egress, err := config.EgressConfigFromDelivery(t.Context(), nil, nil, &delivery, 0)
			if err != nil {
				t.Fatal(err)
			}
			if egress.Retry != 6 || egress.BackoffDelay != 500 || egress.Timeout != 35_000 ||
				egress.BackoffPolicy != contract.BackoffPolicy_Exponential {
				t.Errorf("the dispatcher is told %v", egress)
			}
		})
	}
}

func read(t *testing.T, into any, file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(manifests, file))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
}
