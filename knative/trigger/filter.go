package trigger

import (
	"context"
	"fmt"
	"runtime"

	"github.com/cloudevents/sdk-go/v2/event"
	"go.uber.org/zap"
	"knative.dev/eventing/pkg/eventfilter"
	"knative.dev/pkg/logging"
)

// Filter says which events a Trigger catches. It is made by [Compile], holds nothing that must be closed, and may be
// used from many goroutines at once.
type Filter struct {
	root *node
}

// Match says whether the broker would deliver the event to the Trigger's subscriber. The event is seen as the broker's
// filter would see it, after [AsDelivered].
//
// An error means that Knative's filter panics on this event: production delivers nothing, and fails the delivery. The
// bool is then false.
func (f *Filter) Match(ctx context.Context, e event.Event) (matched bool, err error) {
	return f.MatchDelivered(ctx, AsDelivered(e))
}

// MatchDelivered is Match for an event that [AsDelivered] has made: whoever asks many Filters about one event saves the
// most of their time by it.
func (f *Filter) MatchDelivered(_ context.Context, e event.Event) (matched bool, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			matched, err = false, fmt.Errorf("match event %s: %v", e.ID(), cause)
		}
	}()
	// NoFilter is what a Trigger that filters nothing answers: everything passes.
	return f.root.filter.Filter(quiet, e) != eventfilter.FailFilter, nil //nolint:contextcheck // filters ask it for a logger alone
}

// quiet is what filters are called with. They log each comparison to its logger, and to one of their own if it has none.
var quiet = logging.WithLogger(context.Background(), zap.NewNop().Sugar())

// all and oneOf stand in for Knative's all and any, which they equal in result. Knative's start a goroutine each that
// moves the child that decides most often to the front; that goroutine must be stopped by hand, reads without the lock
// that it writes under, and makes it a matter of chance whether a child that panics is reached.
type all []eventfilter.Filter

func (a all) Filter(ctx context.Context, e event.Event) eventfilter.FilterResult {
	result := eventfilter.NoFilter
	for _, child := range a {
		if result = child.Filter(ctx, e); result == eventfilter.FailFilter {
			return result
		}
	}
	return result
}

func (a all) Cleanup() {}

type oneOf []eventfilter.Filter

func (o oneOf) Filter(ctx context.Context, e event.Event) eventfilter.FilterResult {
	result := eventfilter.NoFilter
	for _, child := range o {
		if result = child.Filter(ctx, e); result == eventfilter.PassFilter {
			return result
		}
	}
	return result
}

func (o oneOf) Cleanup() {}

// expression adds the text of a CESQL expression to what Knative's filter panics with.
type expression struct {
	text   string
	filter eventfilter.Filter
}

func (x expression) Filter(ctx context.Context, e event.Event) eventfilter.FilterResult {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		why := "it" // a part of it: SUBSTRING with a negative length is one
		if _, ok := cause.(*runtime.TypeAssertionError); ok {
			why = "not a boolean, which"
		}
		panic(fmt.Sprintf("cesql %q: %s panics Knative's filter: %v", x.text, why, cause))
	}()
	return x.filter.Filter(ctx, e)
}

func (x expression) Cleanup() {}
