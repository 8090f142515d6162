package function

import (
	"context"
	"time"

	"github.com/quench-dev/quench/function/record"
)

// recover asks what became of an action whose record was never completed. Its
// holder is gone: we have the lock.
func (at *attempt) recover(ctx context.Context, rec *record.Record, resolved bool) (Acted, error) {
	was := Interrupted{RecordedTime: rec.RecordedTime, StartedAt: rec.StartedAt, Undone: rec.Phase == record.Retrying, Resolved: resolved}
	do := at.step.Apply
	if r, can := at.step.(Recoverer); can {
		do = func(ctx context.Context) (Result, error) { return r.Recover(ctx, was) }
	} else if !was.Undone {
		do = func(context.Context) (Result, error) {
			return Result{}, Fail(ReasonUnknown, "the attempt of %s was cut off, and whether it had an effect cannot be told; it is not made again",
				was.StartedAt.UTC().Format(time.RFC3339))
		}
	}
	// What was not done is decided anew; what may have been done is not.
	switch {
	case !was.Undone:
		if err := at.lockMore(ctx); err != nil {
			return Acted{}, err
		}
	case resolved && !at.req.Resolved():
		return Acted{}, Skip(ReasonAlertResolved, "the alert has resolved since this was recorded")
	default:
		if err := at.allowed(ctx); err != nil {
			return Acted{}, err
		}
	}
	rec.Attempts++
	if was.Undone { // from here on something may be done again, and a crash must find it so
		rec.Phase, rec.StartedAt, rec.Reason, rec.Message = record.Running, at.f.o.Now().UTC(), "", ""
		err := at.save(ctx, rec)
		at.counted()
		if err != nil {
			return Acted{}, err
		}
	}
	return at.finish(ctx, rec, do)
}

func (at *attempt) save(ctx context.Context, rec *record.Record) error {
	ctx, end := at.uncancelled(ctx, bookkeeping)
	defer end()
	return Retry(at.f.o.Records.Progress(ctx, rec))
}
