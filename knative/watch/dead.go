package watch

import (
	"context"
	"slices"
	"time"

	"github.com/quench-dev/quench/knative/history"
)

// latest is how many dead letters are looked at each time; of more that come
// between two looks the oldest are not told.
const latest = 200

// Lister lists entries, up to most.
type Lister interface {
	List(ctx context.Context, q history.Query, most int, each func(history.Entry) error) error
}

// DeadLetters tells of events that nobody took since a time, until ctx ends. An
// archive's stream tells of an event when it first comes, and so not of what becomes
// of it; this asks every so often. lost is told why it could not, and it asks again.
func DeadLetters(ctx context.Context, from Lister, q history.Query, since time.Time, every time.Duration, each func(history.Entry), lost func(error)) {
	q.Since, q.Until, q.After = time.Time{}, time.Time{}, 0 // an event may have come long before
	q.Pending, q.Descending = true, true
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		var found []history.Entry
		err := from.List(ctx, q, latest, func(e history.Entry) error {
			if e.DeadLetter != nil && e.DeadLetter.At.After(since) {
				found = append(found, e)
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			lost(err)
		}
		slices.SortFunc(found, func(a, b history.Entry) int { return a.DeadLetter.At.Compare(b.DeadLetter.At) })
		for _, e := range found {
			each(e)
			since = e.DeadLetter.At
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
