// Package watch tells what goes through a Broker, as an archive's stream brings it:
// an alert, which Triggers take it, and what came of it.
//
// The archive says nothing of who took an event; that is worked out from Triggers, as
// knative/trigger does. Outcomes and dead letters are told as they are.
package watch

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/story"
	"github.com/quench-dev/quench/knative/trigger"
)

// remembered is of how many alerts the Triggers are kept for their outcomes.
const remembered = 4096

// Sight is one thing that was seen.
type Sight struct {
	At    time.Time `json:"at"`
	What  string    `json:"what"`  // firing, resolved, dead letter, succeeded, …
	Alert string    `json:"alert"` // its name and what it is about
	// Triggers are those that take an alert; of an outcome, those through which the
	// function that tells it got its alert.
	Triggers []string `json:"triggers"`
	// Errors are Triggers that Knative's filter fails on.
	Errors        []string `json:"errors,omitempty"`
	Text          string   `json:"text,omitempty"` // what a function says
	ID            string   `json:"id"`
	CorrelationID string   `json:"correlationId,omitempty"`
	Seq           int64    `json:"seq"`
}

// Watcher turns entries into what was seen. It is not to be used from several
// goroutines.
type Watcher struct {
	triggers []*trigger.Trigger
	taken    *lru.Cache[string, []*trigger.Trigger] // by the alert event's id
}

// New makes a Watcher of the Triggers of one Broker.
func New(triggers []*trigger.Trigger) *Watcher {
	taken, err := lru.New[string, []*trigger.Trigger](remembered)
	if err != nil {
		panic("watch: " + err.Error()) // a size above 0 is none
	}
	return &Watcher{triggers, taken}
}

// See tells of an entry.
func (w *Watcher) See(ctx context.Context, e history.Entry) Sight {
	ev := e.Event
	s := Sight{
		At: e.Received, Alert: story.About(ev), ID: ev.ID(), Seq: e.Seq,
		CorrelationID: history.Attribute(&ev, alert.AttrCorrelationID),
	}
	moments := story.Of([]history.Entry{e})
	last := moments[len(moments)-1]
	s.What = last.What
	switch {
	case e.DeadLetter != nil:
		s.At, s.Text = last.At, last.Text
		return s
	case function.IsOutcome(ev):
		s.Text = last.Text
		s.Triggers = w.cause(ev)
		return s
	}
	var taken []*trigger.Trigger
	delivered := trigger.AsDelivered(ev)
	for _, t := range w.triggers {
		switch matches, err := t.Filter.MatchDelivered(ctx, delivered); {
		case err != nil:
			s.Errors = append(s.Errors, t.ID()+": "+err.Error())
		case matches:
			taken, s.Triggers = append(taken, t), append(s.Triggers, t.ID())
		}
	}
	if alert.IsAlert(ev) || alert.IsGroup(ev) {
		w.taken.Add(ev.ID(), taken)
	}
	return s
}

// cause are the Triggers that lead the outcome's alert to the function that tells it.
func (w *Watcher) cause(outcome event.Event) []string {
	taken, _ := w.taken.Get(history.Attribute(&outcome, alert.AttrCausationID))
	by := strings.TrimPrefix(outcome.Source(), "/quench/")
	var ids []string
	for _, t := range taken {
		if ref := t.Spec.Subscriber.Ref; ref != nil && ref.Name == by {
			ids = append(ids, t.ID())
		}
	}
	slices.Sort(ids)
	return ids
}

// String is one line for people. Texts are others': whoever prints it cleans it.
func (s Sight) String() string {
	var b strings.Builder
	b.WriteString(s.Alert)
	switch {
	case s.Text != "" && len(s.Triggers) > 0:
		b.WriteString(": " + strings.Join(s.Triggers, ", ") + " → " + s.Text)
	case s.Text != "":
		b.WriteString(": " + s.Text)
	case len(s.Triggers) > 0:
		b.WriteString(" → " + strings.Join(s.Triggers, ", "))
	default:
		b.WriteString(": no Trigger takes it")
	}
	for _, err := range s.Errors {
		b.WriteString("; " + err)
	}
	return b.String()
}
