package function

import (
	"context"
	"fmt"

	"github.com/quench-dev/quench/function/record"
)

// finish does it and completes the record.
func (at *attempt) finish(ctx context.Context, rec *record.Record, do func(context.Context) (Result, error)) (Acted, error) {
	result, err := at.apply(ctx, do)
	if lost := at.lost(); lost != nil { //nolint:contextcheck // asks the locks' own contexts
		// Whoever holds the lock now decides by the record, which is his.
		return Acted{}, Retry(fmt.Errorf("apply: %w", lost))
	}
	outcome, reason := Succeeded, result.Reason
	if err != nil {
		outcome, reason = decide(err)
		result.Message = err.Error()
	}
	if outcome == "" || outcome == Skipped {
		if outcome == "" && unsure(err) {
			return Acted{}, err // the record stays as it is: begun
		}
		rec.Phase, rec.Reason, rec.Message = record.Retrying, reason, result.Message
		if saved := at.save(ctx, rec); saved != nil {
			at.f.about(at.f.o.Log.Warn(), at.req).Err(saved).Msg("record not updated")
		}
		return Acted{}, err
	}
	if reason == "" {
		reason = ReasonDone
	}
	rec.Phase, rec.Outcome, rec.Reason, rec.Message = record.Finished, string(outcome), reason, result.Message
	rec.Objects, rec.FinishedAt = result.Objects, at.f.o.Now().UTC()
	if err := at.save(ctx, rec); err != nil {
		return Acted{}, err
	}
	at.f.sweepLater() //nolint:contextcheck // outlives the request
	acted := fromRecord(rec)
	acted.object = result.Object
	return acted, nil
}

func (at *attempt) apply(ctx context.Context, do func(context.Context) (Result, error)) (result Result, err error) {
	most := at.plan.Timeout
	if most <= 0 {
		most = at.f.o.ApplyTimeout
	}
	ctx, end := at.uncancelled(ctx, most)
	defer end()
	defer caught(at.f.o.Log, at.req, "apply", &err)
	return do(ctx)
}
