package replay

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// Run is what the events of one replay have in common.
type Run struct {
	ID   string    // names the replay
	Time time.Time // what replayedtime says, on all of them
	// Again gives each event a new id, so that what was done is done again.
	Again bool
	// Key signs each event as an operator's; nil leaves the adapter's signature.
	Key *alert.SigningKey
}

// NewRun names a replay that begins now.
func NewRun(now time.Time, again bool, key *alert.SigningKey) Run {
	// Microseconds are what every store of times keeps.
	return Run{ID: rand.Text(), Time: now.UTC().Truncate(time.Microsecond), Again: again, Key: key}
}

// Prepare is the event as it is sent: without what brokers add on the way, and with
// replayedtime. It keeps its id, source and data, and with them its signature.
//
// With Again it has a new id, made of the run's and its own, and names its own as
// causationid. An adapter's signature is about the old id, so an event that is signed
// needs a Key then; without one it is an error.
func (r Run) Prepare(e event.Event) (event.Event, error) {
	e = e.Clone()
	for name := range e.Extensions() {
		if strings.HasPrefix(name, "knative") {
			e.SetExtension(name, nil)
		}
	}
	e.SetExtension(alert.AttrReplayedTime, types.FormatTime(r.Time))
	if r.Again {
		if r.Key == nil && e.Extensions()[alert.AttrSignature] != nil {
			return e, fmt.Errorf("event %s is signed, and a new id would make its signature a wrong one: "+
				"--again needs --operator-key, a key that functions trust (quench keys trust)", e.ID())
		}
		old := e.ID()
		e.SetID(alert.Hash("again", r.ID, e.Source(), old))
		e.SetExtension(alert.AttrCausationID, old)
	}
	if r.Key != nil {
		if err := r.Key.Sign(&e); err != nil {
			return e, fmt.Errorf("event %s: %w", e.ID(), err)
		}
	}
	return e, e.Validate()
}

// Kind is why an event is replayed, or left out.
type Kind string

// The kinds of events. Outcomes are never sent again: they tell of something that
// was done, and are no reason to do it.
const (
	Alert   Kind = "alert"
	Outcome Kind = "outcome"
	Other   Kind = "other"
)

// KindOf says what an event is, by its type.
func KindOf(e event.Event) Kind {
	switch {
	case alert.IsAlert(e) || alert.IsGroup(e):
		return Alert
	case function.IsOutcome(e):
		return Outcome
	}
	return Other
}
