// Package broker stands in for a Knative Broker within one process: it delivers each event to the subscribers of the
// Triggers that match it, as their delivery spec says, and takes the subscribers' replies back in.
//
// It does what Knative's channel-based broker does over an in-memory channel, and is held to Knative's own code in
// tests. What may go wrong:
//
//   - [Broker.Send] blocks until every delivery is done, replies and dead letters included; it queues nothing and keeps
//     nothing. What is under way when the process is killed is lost here, and not with the sender, whom nobody answered.
//   - A delivery that fails is retried in the sender's time, by Knative's rule: no answer, 5xx, 404, 408, 409 and 429
//     are tried again, anything else is final. Then it goes to the Trigger's dead-letter sink, or, without one, Send
//     returns an error, so that the sender sends the event again: to every Trigger, those that had it included.
//   - A sender that gives up ends the waits between retries and the deliveries that have not begun, and what they were
//     to deliver is not dead-lettered but an error. A delivery that has begun ends at its own deadline, and what it
//     replied is delivered whatever the sender does.
//   - Replies are limited by knativebrokerttl, 255 by default: each reply has one less than the event that it answers,
//     and one that has none left is refused with status 400. As on Knative that makes it a failed delivery of the event
//     that it answers: dead-lettered, or an error, and not retried.
//
// It differs from Knative where Knative's way would do harm or needs a network:
//
//   - A reply whose own deliveries fail is not sent again as a whole, since each of these has had its retries; it fails
//     the delivery that it answers at once. Knative multiplies the retries, hop by hop.
//   - Redirects are not followed, but a failure that is final, and an answer above 1 MiB is a 502.
//   - A dead letter always says why. Knative leaves the attributes out where a reply was not a CloudEvent.
package broker

import (
	"context"
	"errors"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/trigger"
)

// Subscriber is where events are delivered to.
type Subscriber interface {
	// Deliver hands over one event and returns the reply, or nil if there is none. It should end when ctx does: a
	// delivery is never abandoned while it may still act, so one that does not end holds its sender up. An error is
	// retried as described at [Broker], by the status that it carries as *StatusError or as sdk-go's *http.Result; one
	// without a status counts as no answer. An *http.Result of 2xx is no error.
	Deliver(ctx context.Context, e event.Event) (*event.Event, error)
}

// SubscriberFunc is a function that is a Subscriber.
type SubscriberFunc func(ctx context.Context, e event.Event) (*event.Event, error)

// Deliver calls the function.
func (f SubscriberFunc) Deliver(ctx context.Context, e event.Event) (*event.Event, error) {
	return f(ctx, e)
}

// Broker routes events to the subscribers of its Triggers. It is made by [New] and may be used from many goroutines.
type Broker struct {
	subscriptions []*subscription
	late          []*Late
	options       Options
	slots         chan struct{}
}

// New makes a broker of Triggers. A subscriber's ref, of any kind, names a function that resolve returns; a uri is
// POSTed to. The same goes for dead-letter sinks.
//
// Errors, each naming Trigger, file and line, and all of them joined: a destination with both ref and uri or neither,
// with a ref that resolve does not know, with a uri that is not http or https, or with CACerts or an audience; Triggers
// of several Brokers, which would not see each other's events on a cluster; no Trigger.
func New(triggers []*trigger.Trigger, resolve func(name string) (Subscriber, bool), options Options) (*Broker, error) {
	options = options.withDefaults()
	b := &Broker{options: options, slots: make(chan struct{}, options.Concurrency)}
	if len(triggers) == 0 {
		return nil, errors.New("make broker: no triggers")
	}
	errs := []error{oneBroker(triggers)}
	for _, t := range triggers {
		s, err := b.subscribe(t, resolve)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		b.subscriptions = append(b.subscriptions, s)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return b, nil
}

// Drain waits for the subscribers that were answered for by [Options.AckAfter] and are still at work, and for what
// becomes of their replies. Call it after the last Send. An error says how many were left when ctx ended; they go on.
func (b *Broker) Drain(ctx context.Context) error {
	var errs []error
	for _, l := range b.late {
		errs = append(errs, l.Drain(ctx))
	}
	return errors.Join(errs...)
}
