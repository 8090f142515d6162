package broker

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/quench-dev/quench/knative/trigger"
)

// The attributes that Knative's broker adds; a test holds them to its own constants, whose package is heavy.
const (
	ttlAttribute     = "knativebrokerttl"   // not seen by subscribers, but by dead-letter sinks
	arrivalAttribute = "knativearrivaltime" // seen by both
)

// accept does what Knative's ingress does to an event, and takes off what its filter takes off again before it compares.
// It returns the hops that are left: the reply to this event has one less.
func (b *Broker) accept(ctx context.Context, e event.Event) (event.Event, int32, error) {
	if e.Context == nil {
		return e, 0, badRequest("an empty event")
	}
	if err := e.Validate(); err != nil {
		return e, 0, badRequest(err.Error())
	}
	hops := b.options.TTL
	raw, stated := e.Extensions()[ttlAttribute]
	if left, err := types.ToInteger(raw); stated && err == nil {
		hops = left - 1
	} else if left, ok := ctx.Value(hopsKey{}).(int32); ok {
		hops = left - 1
	}
	if hops <= 0 {
		b.options.Log.Warn().Str("event_id", e.ID()).Str("event_type", e.Type()).Str("event_source", e.Source()).
			Msg("event refused: over the hop limit, which a loop of triggers and replies runs into")
		return e, 0, badRequest(fmt.Sprintf("event %s: no hop left", e.ID()))
	}
	e = trigger.AsDelivered(e)
	e.Context = e.Context.Clone()
	e.SetExtension(ttlAttribute, nil)
	e.SetExtension(arrivalAttribute, types.FormatTime(time.Now()))
	return e, hops, nil
}

func badRequest(text string) *StatusError {
	return &StatusError{Code: http.StatusBadRequest, Body: []byte(text)}
}

type hopsKey struct{}

// withHops puts the hops that an event has left into the context that it is delivered under. There they are found again
// when the reply comes in, and also when a subscriber calls Send itself, so that it cannot make a loop without end.
func withHops(ctx context.Context, hops int32) context.Context {
	return context.WithValue(ctx, hopsKey{}, hops)
}

func hopsOf(ctx context.Context) int32 {
	hops, _ := ctx.Value(hopsKey{}).(int32)
	return hops
}
