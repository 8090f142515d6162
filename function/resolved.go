package function

import (
	"context"

	"github.com/quench-dev/quench/function/record"
)

// resolved says whether the alert has resolved after this delivery was recorded.
// A resolved event leaves the mark that says so to firing events delivered late,
// before anything else is decided about it. A firing event that was recorded
// after the mark is news: Alertmanager gives an alert that it had taken for
// resolved the same start again.
func (at *attempt) resolved(ctx context.Context) (bool, error) {
	name := at.recordName(at.req.CorrelationID)
	mark, err := at.f.o.Records.Get(ctx, name)
	if err != nil {
		return false, err
	}
	if !at.req.Resolved() {
		return mark != nil && !at.req.RecordedTime.After(mark.RecordedTime), nil
	}
	next := at.newRecord(at.req.CorrelationID)
	next.Phase, next.Summary, next.Changes = record.Resolved, "the alert has resolved", nil
	next.StartedAt = at.f.o.Now().UTC()
	switch {
	case mark == nil:
		return true, at.f.o.Records.Create(ctx, next)
	case at.req.RecordedTime.After(mark.RecordedTime):
		next.Version = mark.Version
		return true, at.f.o.Records.Progress(ctx, next)
	}
	return true, nil
}

func (at *attempt) recordName(id string) string {
	return record.Name(at.f.name(), at.plan.key(), id)
}

func (at *attempt) newRecord(id string) *record.Record {
	return &record.Record{
		Name: at.recordName(id), Function: at.f.name(), Key: at.plan.key(), EventID: id, CorrelationID: at.req.CorrelationID,
		Alertname: at.req.Alert.Name(), Fingerprint: at.req.Alert.Fingerprint, RecordedTime: at.req.RecordedTime,
		Target: at.plan.Target, Summary: at.plan.Summary, Changes: at.plan.Changes,
	}
}
