package function

import (
	"context"
	"errors"
	"time"

	"github.com/quench-dev/quench/function/record"
)

// bookkeeping bounds the writes of a record around an action.
const bookkeeping = 15 * time.Second

// attempt is one delivery's try at one step, under the target's lock.
type attempt struct {
	f        *Function
	req      *Request
	step     Step
	plan     Plan
	held     []context.Context
	releases []func()
	counting func() // releases the function's lock while actions are counted
}

func (at *attempt) run(ctx context.Context) (Acted, error) {
	rec, err := at.f.o.Records.Get(ctx, at.recordName(at.req.EventID))
	if err != nil {
		return Acted{}, Retry(err)
	}
	if rec != nil && rec.Done() {
		answered, refused := at.repeat(rec)
		if answered || refused != nil {
			return fromRecord(rec), refused
		}
	}
	resolved, err := at.resolved(ctx)
	if err != nil {
		return Acted{}, Retry(err)
	}
	if rec != nil && (rec.Phase == record.Running || rec.Phase == record.Retrying) {
		return at.recover(ctx, rec, resolved)
	}
	if resolved && !at.req.Resolved() {
		return Acted{}, Skip(ReasonAlertResolved, "the alert has resolved since this was recorded")
	}
	if at.proposing() {
		return at.propose(ctx, rec)
	}
	if at.req.approval != nil {
		if err = at.agreed(ctx, rec); err != nil {
			return Acted{}, err
		}
	}
	if err = at.allowed(ctx); err != nil {
		return Acted{}, err
	}
	rec, err = at.begin(ctx, rec)
	at.counted()
	if err != nil {
		return Acted{}, Retry(err)
	}
	return at.finish(ctx, rec, at.step.Apply)
}

// repeat decides about a finished action. The same recordedtime, or an earlier
// one, is a redelivery; a later one is a repeat, which may act again.
func (at *attempt) repeat(rec *record.Record) (answered bool, err error) {
	if !at.req.RecordedTime.After(rec.RecordedTime) || at.plan.OnRepeat != RepeatAct {
		return true, nil
	}
	ready := rec.FinishedAt.Add(at.plan.CoolDown)
	if at.f.o.Now().Before(ready) {
		return false, Skip(ReasonCoolingDown, "acted at %s; a repeat acts again after %s",
			rec.FinishedAt.UTC().Format(time.RFC3339), ready.UTC().Format(time.RFC3339))
	}
	return false, nil
}

// allowed asks what was done to the target before, takes the further locks, and
// asks the limits and the step itself.
func (at *attempt) allowed(ctx context.Context) error {
	others, err := at.others(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(at.sameAlert(others), at.cooling(others)); err != nil {
		return err
	}
	if err := at.lockMore(ctx); err != nil {
		return err
	}
	if err := at.limited(ctx); err != nil {
		return err
	}
	if c, ok := at.step.(Checker); ok {
		return at.checked(ctx, c)
	}
	return nil
}

func (at *attempt) checked(ctx context.Context, c Checker) (err error) {
	defer caught(at.f.o.Log, at.req, "check", &err)
	return c.Check(ctx)
}

// begin writes the record before anything is done.
func (at *attempt) begin(ctx context.Context, rec *record.Record) (*record.Record, error) {
	ctx, end := at.uncancelled(ctx, bookkeeping)
	defer end()
	next := at.newRecord(at.req.EventID)
	next.Phase, next.StartedAt, next.Attempts = record.Running, at.f.o.Now().UTC(), 1
	if rec == nil {
		return next, at.f.o.Records.Create(ctx, next)
	}
	next.Version, next.Attempts, next.Repeat = rec.Version, rec.Attempts+1, rec.Done()
	if at.req.approval != nil {
		next.Proposal, next.ApprovedBy = rec.Proposal, at.req.approval.by
	}
	return next, at.f.o.Records.Restart(ctx, next)
}
