package parts

import "strings"

// knative lists the programs of Knative whose images its manifests name, without its domain.
var knative = []string{
	"eventing/cmd/apiserver_receive_adapter", "eventing/cmd/auth_proxy", "eventing/cmd/broker/filter",
	"eventing/cmd/broker/ingress", "eventing/cmd/controller", "eventing/cmd/in_memory/channel_controller",
	"eventing/cmd/in_memory/channel_dispatcher", "eventing/cmd/jobsink", "eventing/cmd/mtchannel_broker",
	"eventing/cmd/webhook",
	"serving/cmd/activator", "serving/cmd/autoscaler", "serving/cmd/controller", "serving/cmd/queue", "serving/cmd/webhook",
}

// Names of other programs, and of their images.
const (
	CoreDNS          = "coredns"
	KafkaWebhook     = "eventing-kafka-webhook"
	KubeStateMetrics = "kube-state-metrics"
	Kubectl          = "kubectl"
	Pause            = "pause"
	Prometheus       = "prometheus"
	Traefik          = "traefik"
)

// kafkaWebhook is the admission of Knative's Broker for Apache Kafka, which is all of it that runs without a Kafka.
const kafkaWebhook = "eventing-kafka-broker/control-plane/cmd/webhook-kafka"

// name makes a file's and an image's name of a package's path.
func name(path string) string {
	if path == kafkaWebhook {
		return KafkaWebhook
	}
	return strings.NewReplacer("/cmd/", "-", "/", "-", "_", "-").Replace(path)
}

func programs() []program {
	all := []program{{name: Pause, module: "pause", pkg: "."}}
	for _, path := range knative {
		all = append(all, program{name: name(path), module: "parts/knative", pkg: "knative.dev/" + path})
	}
	return append(all,
		program{name: KafkaWebhook, module: "parts/kafka", pkg: "knative.dev/" + kafkaWebhook},
		program{name: CoreDNS, module: "parts/coredns", pkg: "."},
		program{name: KubeStateMetrics, module: "parts/kube-state-metrics", pkg: "k8s.io/kube-state-metrics/v2"},
		program{name: Traefik, module: "parts/traefik", pkg: "github.com/traefik/traefik/v3/cmd/traefik"},
		program{name: Kubectl, module: ".", pkg: "k8s.io/kubernetes/cmd/kubectl"},
	)
}
