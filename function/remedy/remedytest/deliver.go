package remedytest

import (
	"context"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/remedy"
)

// Outcome is what an outcome event says.
type Outcome = functiontest.Outcome

// patience is how long an event is delivered again and again, as a broker does.
const patience = time.Minute

// Event is what the adapter makes of an alert that it takes in now, signed.
func (w *World) Event(tb testing.TB, a *alert.Alert) event.Event {
	tb.Helper()
	e := functiontest.Event(tb, a, w.Clock.Now())
	if err := w.key.Sign(&e); err != nil {
		tb.Fatal(err)
	}
	return e
}

// Deliver hands an event to a function as a broker does, again while it is answered
// with 503, and reads the outcome.
func (w *World) Deliver(tb testing.TB, f *remedy.Function, e event.Event) Outcome {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	for {
		reply, err := f.Handle(ctx, e)
		if err == nil {
			return functiontest.Read(tb, reply)
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("the function answers 503 still: %v", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Handle has the function handle an alert that the adapter takes in now.
func (w *World) Handle(tb testing.TB, f *remedy.Function, a *alert.Alert) Outcome {
	tb.Helper()
	return w.Deliver(tb, f, w.Event(tb, a))
}

// Resolved is the same alert, over.
func Resolved(a *alert.Alert) *alert.Alert { return functiontest.Resolved(a) }
