package replay

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/history"
)

// Source lists entries, up to most; 0 means all.
type Source interface {
	List(ctx context.Context, q history.Query, most int, each func(history.Entry) error) error
}

// Selection says what to replay.
type Selection struct {
	Query history.Query
	IDs   []string // of these ids alone; none means any
	// Others takes events that are no alerts, too, such as approvals; outcomes never.
	Others bool
	Most   int // of all that the query finds; 0 means no bound
}

// LeftOut counts what was selected and is not sent.
type LeftOut struct {
	Outcomes int `json:"outcomes,omitempty"`
	Others   int `json:"others,omitempty"` // no alerts
	Twice    int `json:"twice,omitempty"`  // with an identity that is there already
}

func (l LeftOut) String() string {
	return fmt.Sprintf("%d outcomes, %d other events that are no alerts, %d that are there twice", l.Outcomes, l.Others, l.Twice)
}

// Select hands over the entries to replay, oldest first, each identity once.
func Select(ctx context.Context, from Source, s Selection, each func(history.Entry) error) (LeftOut, error) {
	var left LeftOut
	seen := map[[sha256.Size]byte]bool{}
	take := func(e history.Entry) error {
		switch kind := KindOf(e.Event); {
		case kind == Outcome:
			left.Outcomes++
			return nil
		case kind == Other && !s.Others:
			left.Others++
			return nil
		}
		identity := sha256.Sum256([]byte(e.Event.Source() + "\x00" + e.Event.ID()))
		if seen[identity] {
			left.Twice++
			return nil
		}
		seen[identity] = true
		return each(e)
	}
	q := s.Query
	q.Descending, q.After = false, 0
	if len(s.IDs) == 0 {
		return left, from.List(ctx, q, s.Most, take)
	}
	for _, id := range s.IDs {
		q.ID = id
		found := false
		err := from.List(ctx, q, 0, func(e history.Entry) error {
			found = true
			return take(e)
		})
		if err != nil {
			return left, err
		}
		if !found {
			return left, fmt.Errorf("no event %s is among what is selected", id)
		}
	}
	return left, nil
}

// place is what the order of sending is made of.
type place struct {
	incarnation [sha256.Size]byte // of the correlation id
	resolved    bool
	known       bool // it is an alert's, with a correlation id
}

func placeOf(e event.Event) place {
	id := history.Attribute(&e, alert.AttrCorrelationID)
	return place{
		incarnation: sha256.Sum256([]byte(id)),
		resolved:    e.Type() == alert.TypeResolved || e.Type() == alert.TypeGroupResolved,
		known:       id != "" && KindOf(e) == Alert,
	}
}

// order is in which order events are sent: as they came, but what says that an alert
// is over goes ahead of what says that it fires, so that a function that has heard of
// neither does nothing about an alert that fires no longer.
func order(places []place) []int {
	over := map[[sha256.Size]byte]int{} // the resolved event of an incarnation
	for i, p := range places {
		if p.known && p.resolved {
			over[p.incarnation] = i
		}
	}
	sent := make([]bool, len(places))
	all := make([]int, 0, len(places))
	for i, p := range places {
		if end, is := over[p.incarnation]; p.known && !p.resolved && is && !sent[end] {
			sent[end] = true
			all = append(all, end)
		}
		if !sent[i] {
			sent[i] = true
			all = append(all, i)
		}
	}
	return all
}
