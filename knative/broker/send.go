package broker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Send delivers the event to every Trigger that it matches, side by side, and returns when all is done: the last attempt,
// the replies and what becomes of them, the dead letters. An event that no Trigger matches is taken and gone.
//
// A nil error means that every delivery was taken by its subscriber or its dead-letter sink. The error joins one for each
// that was not, naming the Trigger; sending the event again then repeats the others too. An event that is not valid, or
// has no hop left, is a *StatusError of 400, and reaches nobody.
//
// When ctx ends, what has not begun does not begin; see the package comment. Send still waits for what has.
func (b *Broker) Send(ctx context.Context, e event.Event) error {
	e, hops, err := b.accept(ctx, e)
	if err != nil {
		return fmt.Errorf("accept event: %w", err)
	}
	return b.route(withHops(ctx, hops), e)
}

// route delivers an event that was accepted.
func (b *Broker) route(ctx context.Context, e event.Event) error {
	var matched []*subscription
	var names []string
	matchErrs := make(map[*subscription]error)
	for _, s := range b.subscriptions {
		ok, err := s.trigger.Filter.MatchDelivered(ctx, e)
		if err != nil {
			matchErrs[s] = err
		}
		if ok || err != nil {
			matched = append(matched, s)
		}
		if ok {
			names = append(names, s.trigger.ID())
		}
	}
	b.options.Observe.Received(e, names)

	errs := make([]error, len(matched))
	var all sync.WaitGroup
	for i, s := range matched {
		all.Go(func() {
			if err := matchErrs[s]; err != nil {
				// Not retried as on Knative, where the panic looks like a lost connection: it would panic again.
				errs[i] = b.fail(ctx, s, e, err)
				return
			}
			errs[i] = b.deliver(ctx, s, e)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// deliver brings the event to the subscriber and the reply to whom it is for.
func (b *Broker) deliver(ctx context.Context, s *subscription, e event.Event) error {
	reply, err := b.try(ctx, s, s.subscriber, e)
	b.options.Observe.Answered(e, s.trigger.ID(), reply, err)
	if err == nil && reply != nil {
		err = b.feedBack(ctx, s, *reply)
	}
	if err != nil {
		return b.fail(ctx, s, e, err)
	}
	return nil
}

// feedBack sends a reply in, whether the sender is still there or not: what it tells of has happened. As on Knative, one
// that is refused is a 400 and one whose deliveries fail a 500, both of the broker's.
func (b *Broker) feedBack(ctx context.Context, s *subscription, reply event.Event) error {
	ctx = context.WithoutCancel(ctx)
	if reply.Context != nil {
		reply = reply.Clone()
		// The hops that are left are the broker's to say, not the subscriber's.
		reply.SetExtension(ttlAttribute, nil)
	}
	reply, hops, err := b.accept(ctx, reply)
	if err != nil {
		return &replyError{broker: "broker:" + brokerOf(s.trigger), code: http.StatusBadRequest, err: err}
	}
	if err := b.route(withHops(ctx, hops), reply); err != nil {
		return &replyError{broker: "broker:" + brokerOf(s.trigger), code: http.StatusInternalServerError, err: err}
	}
	return nil
}

// replyError is a failed delivery whose subscriber has done its part.
type replyError struct {
	broker string
	code   int
	err    error
}

// Error is bounded: a loop has one of these in the other for each of its hops.
func (e *replyError) Error() string {
	const head, tail = 1000, 500
	text := e.err.Error()
	if len(text) > head+tail {
		text = text[:head] + " … " + text[len(text)-tail:]
	}
	return "deliver reply: " + text
}

func (e *replyError) Unwrap() error { return e.err }
