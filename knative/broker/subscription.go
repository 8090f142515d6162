package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	eventingduckv1 "knative.dev/eventing/pkg/apis/duck/v1"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"github.com/quench-dev/quench/knative/trigger"
)

// subscription is a Trigger with its destinations found and its delivery spec read.
type subscription struct {
	trigger    *trigger.Trigger
	subscriber destination
	deadLetter *destination // nil if there is none
	policy     policy
	structured bool // delivery.format is json
}

// destination is a subscriber and its URI, by which knativeerrordest calls it.
type destination struct {
	Subscriber
	uri      string
	function string // the name of the function, if it is one
}

func (b *Broker) subscribe(t *trigger.Trigger, resolve func(string) (Subscriber, bool)) (*subscription, error) {
	wrap := func(err error) error { return fmt.Errorf("%s: trigger %s: %w", t.Where(), t.ID(), err) }
	s := &subscription{trigger: t}
	var err error
	if t.Filter == nil {
		clone := *t
		if clone.Filter, err = trigger.Compile(t.Trigger); err != nil {
			return nil, wrap(err)
		}
		s.trigger = &clone
	}
	if s.subscriber, err = b.find(t.Spec.Subscriber, resolve); err != nil {
		return nil, wrap(fmt.Errorf("spec.subscriber: %w", err))
	}
	if s.subscriber.function != "" && b.options.AckAfter > 0 && b.options.Started != nil {
		s.subscriber.Subscriber = b.acknowledge(s)
	}
	delivery := t.Spec.Delivery
	if delivery == nil {
		delivery = b.options.Delivery
	}
	if s.policy, err = policyOf(delivery, b.options.Timeout); err != nil {
		return nil, wrap(fmt.Errorf("spec.delivery: %w", err))
	}
	if delivery == nil {
		return s, nil
	}
	s.structured = delivery.Format != nil && *delivery.Format == eventingduckv1.DeliveryFormatJson
	if delivery.DeadLetterSink != nil {
		sink, err := b.find(*delivery.DeadLetterSink, resolve)
		if err != nil {
			return nil, wrap(fmt.Errorf("spec.delivery.deadLetterSink: %w", err))
		}
		s.deadLetter = &sink
	}
	return s, nil
}

// find is strict where a cluster would resolve more than one process can.
func (b *Broker) find(d duckv1.Destination, resolve func(string) (Subscriber, bool)) (destination, error) {
	switch {
	case d.CACerts != nil || d.Audience != nil:
		return destination{}, errors.New("CACerts and audience work on Knative only")
	case d.Ref != nil && d.URI != nil:
		return destination{}, errors.New("both ref and uri, want one")
	case d.Ref != nil:
		s, ok := resolve(d.Ref.Name)
		if !ok {
			return destination{}, fmt.Errorf("ref to function %q, want one of %s", d.Ref.Name,
				strings.Join(slices.Sorted(slices.Values(b.options.Names)), ", "))
		}
		return destination{Subscriber: guard(s, b.options.Log), uri: "function:" + d.Ref.Name, function: d.Ref.Name}, nil
	case d.URI != nil:
		url := d.URI.URL()
		if url.Scheme != "http" && url.Scheme != "https" || url.Host == "" {
			return destination{}, fmt.Errorf("uri %q, want http:// or https:// and a host", url.Redacted())
		}
		return destination{Subscriber: HTTP(url.String(), b.options.Client), uri: url.Redacted()}, nil
	default:
		return destination{}, errors.New("neither ref nor uri, want one")
	}
}

// acknowledge makes the subscription's function one that is answered for when it takes long.
func (b *Broker) acknowledge(s *subscription) Subscriber {
	function := s.subscriber.function
	l := AckAfter(s.subscriber.Subscriber, b.options.AckAfter, nil,
		func(e event.Event) event.Event { return b.options.Started(function, e) })
	l.Max = b.options.Concurrency
	l.Done = func(ctx context.Context, e event.Event, reply *event.Event, err error) {
		err = accepted(err)
		b.options.Observe.Answered(e, s.trigger.ID(), reply, err)
		if err == nil && reply != nil {
			err = b.feedBack(ctx, s, *reply)
		}
		if err != nil {
			if err = b.fail(ctx, s, e, err); err != nil {
				b.options.Log.Error().Err(err).Str("event_id", e.ID()).Msg("delivery failed in the background")
			}
		}
	}
	b.late = append(b.late, l)
	return l
}

// oneBroker is an error if the Triggers belong to several Brokers.
func oneBroker(triggers []*trigger.Trigger) error {
	first := triggers[0]
	for _, t := range triggers[1:] {
		if brokerOf(t) != brokerOf(first) {
			return fmt.Errorf("%s: trigger %s: of broker %s, want %s as at %s: a process has one broker",
				t.Where(), t.ID(), brokerOf(t), brokerOf(first), first.Where())
		}
	}
	return nil
}

func brokerOf(t *trigger.Trigger) string {
	if ref := t.Spec.BrokerRef; ref != nil {
		namespace := ref.Namespace
		if namespace == "" {
			namespace = t.Namespace
		}
		return namespace + "/" + ref.Name
	}
	return t.Namespace + "/" + t.Spec.Broker
}
