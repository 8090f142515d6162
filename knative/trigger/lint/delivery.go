package lint

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	duckv1 "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"github.com/quench-dev/quench/knative/broker"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// delivery looks at what becomes of an event that the subscriber does not take. A Trigger that says anything of it
// inherits nothing from its Broker.
func (l *linter) delivery(s *subject) {
	b, known := l.brokerOf(s.trigger)
	spec, field := s.trigger.Spec.Delivery, "spec.delivery"
	if spec == nil {
		if !known {
			return // its Broker's, which is not here
		}
		spec = b.Spec.Delivery
	}
	if s.has("not-admitted") {
		return
	}
	if spec == nil {
		spec = &duckv1.DeliverySpec{}
	}
	if spec.DeadLetterSink == nil {
		s.report("no-dead-letter-sink", field, "deadLetterSink: { ref: … }, also where the Broker has one: a Trigger with a delivery of its own inherits nothing",
			"what the subscriber does not take in the end is kept nowhere: the in-memory channel refuses it to the sender, which sends it to all again, others drop it")
	}
	waits, timeout, err := broker.Patience(spec)
	if err != nil {
		return // not-admitted says so
	}
	if len(waits) == 0 {
		s.report("no-retry", field+".retry", "retry: 6, backoffPolicy: exponential, backoffDelay: PT0.5S",
			"one try: a subscriber that starts, or answers 503 because another pod holds the lock, does not get the event")
	}
	total := time.Duration(0)
	for _, w := range waits {
		total += w
	}
	if len(waits) > 0 && total == 0 {
		s.report("no-backoff", field+".backoffDelay", "backoffPolicy: exponential and backoffDelay: PT0.5S, of at least a tenth of a second",
			"%d retries without a wait: there is none unless both policy and delay are there", len(waits))
	}
	if timeout <= 0 {
		s.report("no-timeout", field+".timeout", "timeout: PT35S", "a try has no bound: where the subscriber does not answer, the event waits for as long as the sender does, and is neither retried nor dead-lettered")
	}
	if !l.synchronous(b, known) {
		return
	}
	switch {
	case total >= l.SendTimeout:
		s.report("delivery-too-long", field+".retry", "fewer retries or shorter waits, such as retry: 6, backoffDelay: PT0.5S",
			"%d retries wait %s in all, which does not end within the adapter's SEND_TIMEOUT of %s: the adapter gives up, and what is under way is cut off, the dead letter too", len(waits), total, l.SendTimeout)
	case timeout >= l.SendTimeout:
		s.report("delivery-too-long", field+".timeout", "a timeout below "+l.SendTimeout.String(),
			"one try may take %s, which is not within the adapter's SEND_TIMEOUT of %s: the adapter gives up first, and nothing is retried", timeout, l.SendTimeout)
	}
}

// brokerOf is a Trigger's Broker, if it was read.
func (l *linter) brokerOf(t *eventingv1.Trigger) (b *eventingv1.Broker, known bool) {
	want := brokerOf(t)
	for _, o := range l.set.Kind(group, "Broker") {
		if o.GetName() == want.Name && namespaceOf(o) == want.Namespace {
			b = new(eventingv1.Broker)
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, b); err == nil {
				return b, true
			}
		}
	}
	return nil, false
}

func namespaceOf(o *source.Object) string {
	if n := o.GetNamespace(); n != "" {
		return n
	}
	return "default"
}

// synchronous says whether a Broker answers only once an event is settled: Knative's own on the in-memory channel, which
// is also what is taken for granted where it is not known.
func (l *linter) synchronous(b *eventingv1.Broker, known bool) bool {
	if !known {
		return true
	}
	if class := b.Annotations["eventing.knative.dev/broker.class"]; class != "" && class != "MTChannelBasedBroker" {
		return false
	}
	if b.Spec.Config == nil {
		return true
	}
	for _, o := range l.set.Kind("", "ConfigMap") {
		if o.GetName() != b.Spec.Config.Name {
			continue
		}
		data, _ := o.Object["data"].(map[string]any)
		if channel, ok := data["channel-template-spec"].(string); ok && !strings.Contains(channel, "InMemoryChannel") {
			return false
		}
	}
	return true
}
