// Package story tells what became of one incarnation of an alert in plain words,
// from the events that an archive has of it.
package story

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/knative/history"
)

// Moment is one thing that happened.
type Moment struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // firing, resolved, dead letter, replayed, succeeded, …
	Text string    `json:"text"` // a sentence, of what others wrote in part
	ID   string    `json:"id"`   // of the event that tells of it
	Seq  int64     `json:"seq"`
}

// Of is what entries of one incarnation tell, in the order in which it happened.
func Of(entries []history.Entry) []Moment {
	var all []Moment
	for i := range entries {
		all = append(all, moments(&entries[i])...)
	}
	slices.SortStableFunc(all, func(a, b Moment) int { return a.At.Compare(b.At) })
	return all
}

func moments(e *history.Entry) []Moment {
	var all []Moment
	add := func(at time.Time, what, text string) {
		all = append(all, Moment{At: at, What: what, Text: text, ID: e.Event.ID(), Seq: e.Seq})
	}
	at, what, text := tell(e)
	add(at, what, text)
	letter := e.DeadLetter
	if letter == nil {
		return all
	}
	text = "not taken by " + orUnknown(letter.Destination)
	if letter.Code != "" {
		text += ", which answered " + letter.Code
	}
	if letter.Reason != "" {
		text += ": " + letter.Reason
	}
	if letter.Count > 1 {
		text += fmt.Sprintf(" (the last of %d times)", letter.Count)
	}
	if letter.Redelivered == nil {
		text += "; it waits: quench replay --dead-letters sends it again"
	}
	add(letter.At, "dead letter", text)
	if letter.Redelivered != nil {
		add(*letter.Redelivered, "replayed", "sent again by a replay, and taken")
	}
	return all
}

// tell is the event's own moment.
func tell(e *history.Entry) (at time.Time, what, text string) {
	ev := e.Event
	at = e.Received
	switch {
	case alert.IsAlert(ev) || alert.IsGroup(ev):
		what, text = tellAlert(e)
		if recorded, err := alert.RecordedTime(ev); err == nil && history.Attribute(&ev, alert.AttrCausationID) == "" {
			at = recorded
		}
		return at, what, text
	case function.IsOutcome(ev):
		if !ev.Time().IsZero() {
			at = ev.Time()
		}
		what, text = strings.TrimPrefix(ev.Type(), function.TypePrefix), tellOutcome(ev)
	case ev.Type() == enriched.Type:
		what, text = "enriched", strings.TrimPrefix(ev.Source(), "/quench/")+" found out more about it"
	case ev.Type() == function.TypeApprovalGranted:
		what, text = "approved", "an operator approved what "+attribute(ev, alert.AttrAction)+" had proposed"
	case ev.Type() == function.TypeApprovalRejected:
		what, text = "rejected", "an operator rejected what "+attribute(ev, alert.AttrAction)+" had proposed"
	default:
		what, text = "event", ev.Type()+" from "+ev.Source()
	}
	if e.Arrivals > 1 {
		text += fmt.Sprintf(" (told %d times)", e.Arrivals)
	}
	return at, what, text
}

func tellAlert(e *history.Entry) (what, text string) {
	ev := e.Event
	what, text = "firing", "fires: "
	if ev.Type() == alert.TypeResolved || ev.Type() == alert.TypeGroupResolved {
		what, text = "resolved", "is over: "
	}
	text += About(ev)
	if receiver := attribute(ev, alert.AttrReceiver); receiver != "" {
		text += ", for receiver " + receiver
	}
	if cause := attribute(ev, alert.AttrCausationID); cause != "" {
		what, text = "sent again", "sent again on purpose, as "+ev.ID()+" for "+cause+": "+About(ev)
	}
	if e.Arrivals > 1 {
		text += fmt.Sprintf(" (came %d times: repeats, redeliveries and replays)", e.Arrivals)
	}
	return what, text
}

func tellOutcome(ev event.Event) string {
	who := strings.TrimPrefix(ev.Source(), "/quench/")
	o, _, err := function.ReadOutcome(ev)
	if err != nil {
		return who + ", in words that cannot be read"
	}
	text := fmt.Sprintf("%s %s (%s)", o.Function, o.Outcome, o.Reason)
	if o.Target != "" {
		text += " on " + o.Target
	}
	if o.Message != "" {
		text += ": " + o.Message
	}
	if o.SignedBy != "" {
		text += ", as " + o.SignedBy + " asked"
	}
	if o.DryRun {
		text += " (a dry run)"
	}
	return text
}

// About names an event's alert, and the object that its labels are about: as in
// KubePodCrashLooping (shop/frontend-1).
func About(ev event.Event) string {
	name := attribute(ev, "alertname")
	if name == "" {
		name, _, _ = strings.Cut(ev.Subject(), "/")
	}
	where := []string{attribute(ev, "namespace")}
	for _, label := range []string{"pod", "deployment", "statefulset", "daemonset", "jobname", "node", "instance"} {
		if v := attribute(ev, label); v != "" {
			where = append(where, v)
			break
		}
	}
	if text := strings.Trim(strings.Join(where, "/"), "/"); text != "" {
		return name + " (" + text + ")"
	}
	return name
}

func attribute(ev event.Event, name string) string { return history.Attribute(&ev, name) }

func orUnknown(text string) string {
	if text == "" {
		return "a subscriber"
	}
	return text
}
