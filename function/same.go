package function

import (
	"context"
	"fmt"
	"time"

	"github.com/quench-dev/quench/function/record"
)

// startMoves is how long after an action a later start of an alert that was not
// seen to resolve is taken for the same alert still.
const startMoves = 5 * time.Minute

// cutOffAfter is when an action that is recorded as running is taken for one that
// nobody will complete. Its own delivery has been given up by the broker by then.
const cutOffAfter = 2 * time.Minute

// sameAlert skips what was done already under another event id. An alert's start,
// and with it the id, moves without the alert having ended: two Prometheus
// replicas find it at different times, and Alertmanager merges to the earlier; one
// that is started again gives it a later one. A group with other alerts in it is
// another notification, and no alert again. Nor is what somebody sends again on
// purpose, under an id that is not the alert's own (quench replay --again): it is to
// be done once more.
func (at *attempt) sameAlert(others []*record.Record) error {
	if at.req.Resolved() || at.req.Payload != nil || at.req.EventID != at.req.Alert.ID() {
		return nil
	}
	for _, r := range others {
		if r.EventID == at.req.EventID || r.Fingerprint != at.req.Alert.Fingerprint || !at.sameIncarnation(r, others) {
			continue
		}
		switch r.Phase {
		case record.Running: // its own delivery tells how it ended
			if at.f.o.Now().Sub(r.StartedAt) < cutOffAfter {
				return Retry(fmt.Errorf("the same alert is acted on under event id %s", r.EventID))
			}
			return Skip(ReasonSameAlert, "the same alert, under event id %s, was begun to be acted on at %s and cut off; whether that had an effect cannot be told",
				r.EventID, r.StartedAt.UTC().Format(time.RFC3339))
		case record.Finished:
			return Skip(ReasonSameAlert, "the same alert, under an id that its start moved from, was acted on at %s: %s",
				r.FinishedAt.UTC().Format(time.RFC3339), r.Message)
		}
	}
	return nil
}

// sameIncarnation says whether the alert is the one that a record tells of: it was
// not seen to resolve since, and had begun when that was recorded, or soon after.
func (at *attempt) sameIncarnation(r *record.Record, others []*record.Record) bool {
	for _, o := range others {
		if o.Phase == record.Resolved && o.Fingerprint == r.Fingerprint && !o.RecordedTime.Before(r.RecordedTime) {
			return false
		}
	}
	start := at.req.Alert.StartsAt
	return !start.After(r.RecordedTime) || !start.After(r.StartedAt.Add(startMoves))
}

// others are the records of the same key: what was done to the target before. Of a
// group only a cool-down wants to know; it may have many.
func (at *attempt) others(ctx context.Context) ([]*record.Record, error) {
	if at.req.Payload != nil && at.req.rules.CoolDown <= 0 {
		return nil, nil
	}
	found, err := at.f.o.Records.Find(ctx, record.Query{Function: at.f.name(), Key: at.plan.key()})
	return found, Retry(err)
}
