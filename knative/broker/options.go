package broker

import (
	"context"
	"net/http"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"
	duckv1 "knative.dev/eventing/pkg/apis/duck/v1"
)

// Options are what a broker may be told. The zero value is usable.
type Options struct {
	// Names are the functions that resolve knows, listed when a Trigger names another.
	Names []string
	// Concurrency is how many deliveries run at once, over all senders; 64 if zero. A delivery that waits for its next
	// attempt or for its reply's deliveries does not count.
	Concurrency int
	// Timeout bounds each attempt of a Trigger without spec.delivery.timeout; 30 seconds if zero. (Knative has no bound
	// of its own there.)
	Timeout time.Duration
	// TTL is the knativebrokerttl of an event that comes without; 255, as on Knative, if zero. 1 allows no reply.
	TTL int32
	// Delivery is what a Trigger without spec.delivery gets: the Broker's own spec.delivery, on Knative. Nil means one
	// attempt and no dead-letter sink.
	Delivery *duckv1.DeliverySpec
	// Client makes the requests to a uri; one with Go's default transport if nil. Its redirect policy is not used.
	Client *http.Client

	// AckAfter is how long a function may take before Send goes on without it: the reply of the function is then what
	// Started returns, the function goes on in the background, and its own reply is delivered when it comes. A failure
	// in the background is not retried, but dead-lettered. As many as Concurrency are in the background at once; Send
	// waits for those above. Zero, or Started nil: Send waits for every function.
	AckAfter time.Duration
	// Started makes the reply that stands for the function's own while that is still awaited.
	Started func(function string, e event.Event) event.Event

	// Log takes what nobody is told otherwise: events over the hop limit, panics, failures in the background.
	Log zerolog.Logger
	// Observe is told of everything that becomes of an event.
	Observe Observer
	// Sleep waits between attempts: it returns early, with an error, when ctx ends. A timer if nil.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Observer has functions to be called as events go through. Any may be nil. They are called from many goroutines at
// once, and hold the delivery up until they return. A trigger is named namespace/name; the events must not be changed.
type Observer struct {
	// Received is called once for each event sent in, replies included, with the Triggers that match it; none is legal.
	Received func(e event.Event, triggers []string)
	// Retrying is called after an attempt that failed, before the wait for the next.
	Retrying func(e event.Event, trigger string, err error, wait time.Duration)
	// Answered is called with a subscriber's last word: its reply, nil for no reply, or the error of its last attempt.
	// With Options.AckAfter it may be called twice: with what Started returned, and later with the function's reply.
	Answered func(e event.Event, trigger string, reply *event.Event, err error)
	// DeadLettered is called when a failed delivery was taken by the dead-letter sink; cause is the failure.
	DeadLettered func(e event.Event, trigger string, cause error)
	// Failed is called when a delivery failed and was not dead-lettered: what Send returns an error about, or, of a
	// function in the background, can tell nobody.
	Failed func(e event.Event, trigger string, err error)
}

func (o Options) withDefaults() Options {
	if o.Concurrency <= 0 {
		o.Concurrency = 64
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.TTL <= 0 {
		o.TTL = 255
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	o.Observe = o.Observe.withDefaults()
	return o
}

func (o Observer) withDefaults() Observer {
	if o.Received == nil {
		o.Received = func(event.Event, []string) {}
	}
	if o.Retrying == nil {
		o.Retrying = func(event.Event, string, error, time.Duration) {}
	}
	if o.Answered == nil {
		o.Answered = func(event.Event, string, *event.Event, error) {}
	}
	if o.DeadLettered == nil {
		o.DeadLettered = func(event.Event, string, error) {}
	}
	if o.Failed == nil {
		o.Failed = func(event.Event, string, error) {}
	}
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
