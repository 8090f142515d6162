package broker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"
)

// errGone marks a delivery that the sender's end kept from being tried, or from being tried again: the sender has no
// answer yet and sends the event again, so that it is not dead-lettered.
var errGone = errors.New("sender is gone")

// try makes the attempts that the policy allows.
func (b *Broker) try(ctx context.Context, s *subscription, to destination, e event.Event) (*event.Event, error) {
	for n := 0; ; n++ {
		reply, err := b.attempt(ctx, s, to, e)
		if err == nil || errors.Is(err, errGone) || n >= s.policy.retries || !retryable(err) {
			return reply, err
		}
		wait := s.policy.backoff(n, err)
		b.options.Observe.Retrying(e, s.trigger.ID(), err, wait)
		if cause := b.options.Sleep(ctx, wait); cause != nil {
			return nil, fmt.Errorf("%w while waiting to retry (%w): %w", errGone, cause, err)
		}
	}
}

// attempt delivers once, under a deadline of its own. Only it holds one of the broker's slots, so that a chain of
// replies, however long, cannot wait for itself.
func (b *Broker) attempt(ctx context.Context, s *subscription, to destination, e event.Event) (*event.Event, error) {
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w before delivery (%w)", errGone, context.Cause(ctx))
	}
	defer func() { <-b.slots }()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w before delivery (%w)", errGone, context.Cause(ctx))
	}

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.policy.timeout)
	defer cancel()
	if s.structured {
		ctx = binding.WithForceStructured(ctx)
	}
	reply, err := to.Deliver(ctx, e.Clone())
	if err = accepted(err); err != nil {
		return nil, err
	}
	return reply, nil
}

// guard keeps a subscriber's panic from ending the process, as net/http would for a server.
func guard(s Subscriber, log zerolog.Logger) Subscriber {
	return SubscriberFunc(func(ctx context.Context, e event.Event) (reply *event.Event, err error) {
		defer func() {
			if cause := recover(); cause != nil {
				log.Error().Str("event_id", e.ID()).Bytes("stack", debug.Stack()).
					Msgf("subscriber panicked: %v", cause)
				reply, err = nil, fmt.Errorf("subscriber panicked: %v", cause)
			}
		}()
		return s.Deliver(ctx, e)
	})
}
