package broker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/cloudevents/sdk-go/v2/event"
	"knative.dev/eventing/pkg/kncloudevents/attributes"
)

// fail settles a delivery that failed for good: dead-lettered it is accepted, otherwise an error. The dead-letter sink
// gets the event as often as the policy says, the sender's end notwithstanding, since the failure is final either way.
func (b *Broker) fail(ctx context.Context, s *subscription, e event.Event, cause error) error {
	err := fmt.Errorf("trigger %s: deliver to %s: %w", s.trigger.ID(), s.subscriber.uri, cause)
	if s.deadLetter != nil && !errors.Is(cause, errGone) {
		_, sinkErr := b.try(context.WithoutCancel(ctx), s, *s.deadLetter, deadLetter(e, hopsOf(ctx), s, cause))
		if sinkErr == nil {
			b.options.Observe.DeadLettered(e, s.trigger.ID(), cause)
			return nil
		}
		err = fmt.Errorf("%w; dead-letter to %s: %w", err, s.deadLetter.uri, sinkErr)
	}
	b.options.Observe.Failed(e, s.trigger.ID(), err)
	return err
}

// deadLetter is the event that a Trigger's subscriber did not take, with Knative's account of why: the URI of the one
// who refused, function:NAME for a function and broker:NAMESPACE/NAME where the reply was refused; the status, 500 where
// there was no answer; what it said, in base64 and cut to 1024 characters (at which Knative's dispatcher panics). Like
// Knative's, it keeps knativebrokerttl.
func deadLetter(e event.Event, hops int32, s *subscription, cause error) event.Event {
	dest, code, body := s.subscriber.uri, http.StatusInternalServerError, []byte(cause.Error())
	reply, status := new(replyError), new(StatusError)
	switch {
	case errors.As(cause, &reply): // asked first: what it wraps is about other deliveries
		dest, code = reply.broker, reply.code
	case errors.As(cause, &status):
		code, body = status.Code, status.Body
	default:
		if other, ok := statusOf(cause); ok {
			code = other
		}
	}
	if most := base64.StdEncoding.DecodedLen(attributes.KnativeErrorDataExtensionMaxLength); len(body) > most {
		body = body[:most]
	}
	dead := e.Clone()
	dead.SetExtension(ttlAttribute, strconv.Itoa(int(hops)))
	dead.SetExtension(attributes.KnativeErrorDestExtensionKey, dest)
	dead.SetExtension(attributes.KnativeErrorCodeExtensionKey, strconv.Itoa(code))
	dead.SetExtension(attributes.KnativeErrorDataExtensionKey, base64.StdEncoding.EncodeToString(body))
	return dead
}
