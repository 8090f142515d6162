package function

import (
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/policy"
)

// step does one step and tells it on its object.
func (f *Function) step(ctx context.Context, req *Request, s Step) (Acted, error) {
	p := s.Plan()
	a, err := f.decide(ctx, req, s, p)
	if err == nil {
		f.note(req, p, a) //nolint:contextcheck // outlives the request
	}
	return a, err
}

// decide asks the policy about the plan, and then does what attempt does under
// the target's lock.
func (f *Function) decide(ctx context.Context, req *Request, s Step, p Plan) (Acted, error) {
	if p.Err != nil {
		return f.refused(req, p, p.Err)
	}
	if err := req.admitted(p); err != nil {
		return f.refused(req, p, err)
	}
	switch {
	case f.o.DryRun, req.rules.Mode == policy.DryRun:
		return unrecorded(req, p, Planned, ReasonDryRun, p.Summary), nil
	}
	// The target's lock is not waited for: its holder may be long, and the broker
	// comes again. Others are held for a few calls only.
	held, release, err := f.o.Locks.Lock(ctx, p.lock(), 0)
	if err != nil {
		return Acted{}, Retry(err)
	}
	defer release()
	at := &attempt{f: f, req: req, step: s, plan: p, held: []context.Context{held}}
	defer at.unlock()
	a, err := at.run(ctx)
	if err != nil {
		return f.refused(req, p, err)
	}
	return a, nil
}

// lockMore takes the step's further locks, sorted, so that no two steps wait for
// each other.
func (at *attempt) lockMore(ctx context.Context) error {
	keys := slices.Clone(at.plan.Locks)
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if key == at.plan.lock() {
			continue
		}
		held, release, err := at.f.o.Locks.Lock(ctx, key, at.f.o.LockWait)
		if err != nil {
			return Retry(err)
		}
		at.held = append(at.held, held)
		at.releases = append(at.releases, release)
	}
	return nil
}

// unlock releases the further locks, the last first.
func (at *attempt) unlock() {
	at.counted()
	for _, release := range slices.Backward(at.releases) {
		release()
	}
	at.releases = nil
}

// uncancelled is the context of what has begun: it does not end with the
// sender's, only with its own deadline or when a lock is lost.
func (at *attempt) uncancelled(ctx context.Context, most time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), most)
	ctx, lose := context.WithCancelCause(ctx)
	stops := make([]func() bool, 0, len(at.held))
	for _, held := range at.held {
		stops = append(stops, context.AfterFunc(held, func() { lose(context.Cause(held)) }))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		lose(nil)
		cancel()
	}
}

// lost is why a lock is no longer held, nil while all are.
func (at *attempt) lost() error {
	for _, held := range at.held {
		if held.Err() != nil {
			return context.Cause(held)
		}
	}
	return nil
}

// about adds what every line about an event says.
func (f *Function) about(line *zerolog.Event, req *Request) *zerolog.Event {
	return line.Str("event_id", req.EventID).Str("correlation_id", req.CorrelationID).Str("alertname", req.Alert.Name()).
		Str("trace_id", alert.EventTrace(req.Event).ID())
}
