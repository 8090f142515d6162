package install

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// kafkaConfig is where Knative's Broker for Apache Kafka has its manifests.
const kafkaConfig = "control-plane/config/eventing-kafka-broker/"

// optional are parts that Install leaves out, and that a test applies itself, by name.
var optional = map[string][]source{
	// The definitions and the admission. The rest is of no use: the controller makes a topic before it says yes to a Broker,
	// receiver and dispatcher are Java programs, and there is no Kafka for any of them.
	"kafka": {
		{"knative.dev/eventing-kafka-broker", kafkaConfig + "100-broker"},
		{"knative.dev/eventing-kafka-broker", kafkaConfig + "100-channel"},
		{"knative.dev/eventing-kafka-broker", kafkaConfig + "100-kafka-internal"},
		{"knative.dev/eventing-kafka-broker", kafkaConfig + "100-sink"},
		{"knative.dev/eventing-kafka-broker", kafkaConfig + "100-source"},
		{"knative.dev/eventing-kafka-broker", kafkaConfig + "200-controller/100-config-kafka-leader-election.yaml"},
		{"knative.dev/eventing-kafka-broker", kafkaConfig + "200-webhook"},
	},
}

// Manifests are the objects of a part that Install leaves out, as one List in JSON. The image is in the node.
func (in Installer) Manifests(ctx context.Context, name string) ([]byte, error) {
	sources, known := optional[name]
	if !known {
		names := slices.Sorted(maps.Keys(optional))
		return nil, fmt.Errorf("no manifests %q; there are: %s", name, strings.Join(names, ", "))
	}
	objects, err := in.objects(ctx, name, sources)
	if err != nil {
		return nil, err
	}
	return encode(objects)
}
