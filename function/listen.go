package function

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
)

// Listener answers events, and changes nothing in the cluster: what it says may be
// said again.
type Listener interface {
	Name() string
	// Listen answers with an event, or with nothing. Its errors are made by Retry,
	// Fail, Refuse or FromAPI.
	Listen(ctx context.Context, e event.Event) (*event.Event, error)
}

// listening is a Listener in the place of an Action.
type listening struct{ Listener }

func (listening) Plan(context.Context, *Request) ([]Step, error) { return nil, nil }

// Listening is a Function of a Listener. No lock or record is before it; of the
// guards Verify and MaxEventAge are, and only for alerts: nobody signs what is none.
func Listening(l Listener, o Options) *Function {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Function{action: listening{l}, o: o}
}

// listen hands an event to a Listener. What trying again would not mend is logged,
// and answered with nothing: the sender can do nothing about it.
func (f *Function) listen(ctx context.Context, l listening, e event.Event) (reply *event.Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.o.Log.Error().Str("event_id", e.ID()).Str("trace_id", alert.EventTrace(e).ID()).Interface("panic", p).Bytes("stack", debug.Stack()).Msg("panic")
			reply, err = nil, answer(fmt.Errorf("panic: %v", p))
		}
	}()
	if err = f.heard(ctx, e); err == nil {
		reply, err = l.Listen(ctx, e)
	}
	if err == nil {
		f.sweepLater() //nolint:contextcheck // outlives the request
		return reply, nil
	}
	outcome, reason := decide(err)
	if refused(err) {
		f.o.Log.Error().Str("event_id", e.ID()).Str("trace_id", alert.EventTrace(e).ID()).Str("reason", reason).Err(err).Msg("left to the dead-letter sink")
		return nil, unprocessable(err)
	}
	if outcome != "" {
		f.o.Log.Warn().Str("event_id", e.ID()).Str("trace_id", alert.EventTrace(e).ID()).Str("reason", reason).Err(err).Msg("nothing told")
		return nil, nil
	}
	f.o.Log.Warn().Str("event_id", e.ID()).Str("trace_id", alert.EventTrace(e).ID()).Err(err).Msg("left to be delivered again")
	return nil, answer(err)
}

// heard asks the guards whether a Listener is to hear of an event.
func (f *Function) heard(ctx context.Context, e event.Event) error {
	if !alert.IsAlert(e) || f.o.Verify == nil && f.o.MaxEventAge <= 0 {
		return nil
	}
	req, err := f.request(e)
	if err != nil {
		return Fail(ReasonBadEvent, "%w", err)
	}
	if f.o.Verify != nil {
		if err := f.o.Verify.Admit(ctx, req); err != nil {
			return err
		}
	}
	return age{f.o.MaxEventAge, f.o.Now}.Admit(ctx, req)
}
