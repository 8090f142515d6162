package function

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/apicalls"
	"github.com/quench-dev/quench/function/record"
)

// Handle takes one event. It answers nothing for a type that is not consumed,
// outcomes of our own among them; an outcome event for anything decided; and an
// error with status 503 for what may pass. It returns when all is done, even
// when ctx ends before.
func (f *Function) Handle(ctx context.Context, e event.Event) (reply *event.Event, err error) {
	if l, ok := f.action.(listening); ok {
		return f.listen(ctx, l, e)
	}
	if !alert.IsAlert(e) && !isApproval(e) && (!f.groups || !alert.IsGroup(e)) {
		return nil, nil
	}
	if f.broken != nil {
		return nil, answer(f.broken)
	}
	defer func() {
		if p := recover(); p != nil { // ours, not the action's: those are caught nearer
			f.o.Log.Error().Str("event_id", e.ID()).Interface("panic", p).Bytes("stack", debug.Stack()).Msg("panic")
			reply, err = nil, answer(fmt.Errorf("panic: %v", p))
		}
	}()
	if isApproval(e) {
		return f.answerTo(ctx, e)
	}
	req, err := f.request(e)
	if err != nil {
		f.o.Log.Warn().Str("event_id", e.ID()).Str("trace_id", alert.EventTrace(e).ID()).Str("outcome", string(Failed)).Str("reason", ReasonBadEvent).Msg(err.Error())
		return f.reply(e, nil, []Acted{unrecorded(nil, Plan{}, Failed, ReasonBadEvent, err.Error())})
	}
	return f.handle(ctx, req)
}

func (f *Function) handle(ctx context.Context, req *Request) (*event.Event, error) {
	ctx, calls := apicalls.Count(ctx)
	all, err := f.act(ctx, req)
	if err != nil {
		f.about(f.o.Log.Warn(), req).Err(err).Msg("left to be delivered again")
		return nil, answer(err)
	}
	first := deciding(all)
	n, took := calls.Total()
	f.about(f.o.Log.Info(), req).Str("target", first.Target).Int("api_calls", n).Dur("api_ms", took).
		Str("outcome", string(first.Outcome)).Str("reason", first.Reason).Msg(first.Message)
	return f.reply(req.Event, req, all)
}

func (f *Function) reply(cause event.Event, req *Request, all []Acted) (*event.Event, error) {
	e, err := f.outcomeEvent(cause, req, all)
	if err != nil {
		return nil, answer(err)
	}
	return e, nil
}

// request reads an event; an error is final, the bytes will not change.
func (f *Function) request(e event.Event) (*Request, error) {
	recorded, err := alert.RecordedTime(e)
	if err != nil {
		return nil, fmt.Errorf("read alert: %w", err)
	}
	req := &Request{Function: f.name(), Event: e, EventID: e.ID(), RecordedTime: recorded}
	if alert.IsGroup(e) {
		if req.Payload, err = alert.FromGroupEvent(e); err != nil {
			return nil, fmt.Errorf("read group: %w", err)
		}
		req.Alert, req.CorrelationID = req.Payload.Whole(), req.Payload.CorrelationID()
		return req, nil
	}
	if req.Alert, err = alert.FromEvent(e); err != nil {
		return nil, fmt.Errorf("read alert: %w", err)
	}
	req.CorrelationID = req.Alert.CorrelationID()
	return req, nil
}

// act does all steps of an event, one after another or, where the action says so,
// at once. Where one may pass, all is asked for again, and the others are then
// answered from their records.
func (f *Function) act(ctx context.Context, req *Request) ([]Acted, error) {
	steps, err := f.action.Plan(ctx, req)
	if err == nil && req.approval != nil {
		steps = slices.DeleteFunc(steps, func(s Step) bool { return record.Name(f.name(), s.Plan().key(), req.EventID) != req.approval.Record })
	}
	if err == nil && len(steps) == 0 {
		err = Skip(ReasonNotConcerned, "%s has nothing to do with this alert", f.name())
	}
	if err != nil {
		a, later := f.refused(req, Plan{}, err)
		return []Acted{a}, later
	}
	acted, errs := make([]Acted, len(steps)), make([]error, len(steps))
	var running sync.WaitGroup
	for i, s := range steps {
		do := func() { acted[i], errs[i] = f.guardedStep(ctx, req, s) }
		if f.atOnce {
			running.Go(do)
		} else {
			do()
		}
	}
	running.Wait()
	var all []Acted
	for i, a := range acted {
		if errs[i] == nil {
			all = append(all, a)
		}
	}
	return all, errors.Join(errs...)
}

// guardedStep is step, whose panic is an error: steps at once have no Handle to
// catch it.
func (f *Function) guardedStep(ctx context.Context, req *Request, s Step) (a Acted, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.about(f.o.Log.Error(), req).Interface("panic", p).Bytes("stack", debug.Stack()).Msg("panic")
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if a, err = f.step(ctx, req, s); err != nil {
		err = fmt.Errorf("%s: %w", s.Plan().Target, err)
	}
	return a, err
}

// refused is what becomes of an error where nothing was recorded: an outcome, or
// the error again where it may pass.
func (f *Function) refused(req *Request, p Plan, err error) (Acted, error) {
	outcome, reason := decide(err)
	if outcome == "" {
		return Acted{}, err
	}
	return unrecorded(req, p, outcome, reason, err.Error()), nil
}
