package draft

import (
	"net/url"
	"strings"

	eventingduckv1 "knative.dev/eventing/pkg/apis/duck/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// delivery is what the shipped Triggers and Broker say: a Trigger that says anything inherits nothing, so it says all.
func delivery(deadLetterSink string) *eventingduckv1.DeliverySpec {
	retry, policy := int32(6), eventingduckv1.BackoffPolicyExponential
	delay, timeout := "PT0.5S", "PT35S"
	return &eventingduckv1.DeliverySpec{
		Retry: &retry, BackoffPolicy: &policy, BackoffDelay: &delay, Timeout: &timeout,
		DeadLetterSink: &duckv1.Destination{Ref: service(deadLetterSink)},
	}
}

// maxName is the length of a label's value, which Knative makes of a Trigger's name.
const maxName = 63

// nameFor is a name for a Trigger that was given none: the subscriber's, and that of the alert if there is just one.
func nameFor(o Options) string {
	name := o.Function
	if u, err := url.Parse(o.SubscriberURI); name == "" && err == nil {
		name, _, _ = strings.Cut(u.Hostname(), ".")
	}
	switch {
	case len(o.Rules) > 1:
		name += "-rules"
	case len(o.Rules[0].Alerts) == 1:
		name += "-" + o.Rules[0].Alerts[0]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name)
	return strings.Trim(name[:min(len(name), maxName)], "-")
}
