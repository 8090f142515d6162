package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/knative/trigger"
)

// Verdict is what a function would do about an event, as far as can be told
// without asking it.
type Verdict string

// The verdicts. MayAct is that nothing speaks against it: the function looks at the
// cluster, and asks whether the alert fires still, before it acts. Unknown is that
// nobody but the subscriber can tell.
const (
	FromRecord Verdict = "answers from its record"
	Skips      Verdict = "skips"
	MayAct     Verdict = "may act"
	Unknown    Verdict = "unknown"
)

// Forecast is what one Trigger's subscriber would do about an event.
type Forecast struct {
	Trigger    string  `json:"trigger"`    // namespace/name
	Subscriber string  `json:"subscriber"` // a function's name, or a URI
	Verdict    Verdict `json:"verdict"`
	Why        string  `json:"why"`
}

// Records are what functions have done.
type Records interface {
	// Incarnation lists the records about one incarnation of an alert.
	Incarnation(ctx context.Context, correlationID string) ([]*record.Record, error)
}

// Forecaster says what a replay would come to.
type Forecaster struct {
	Triggers []*trigger.Trigger
	// Acting says of a subscriber's name whether it is a function that keeps records.
	Acting func(name string) bool
	// Records are the cluster's; nil where there is none to ask.
	Records Records
	// Policy is the cluster's; nil where it is not known.
	Policy *policy.Policy
	// MaxEventAge is the functions' MAX_EVENT_AGE.
	MaxEventAge time.Duration
	// Signed says that an operator signs what is sent.
	Signed bool
	Now    func() time.Time
}

// Of says what each Trigger that takes the event, as it is sent, leads to; none is
// that no Trigger takes it.
func (f *Forecaster) Of(ctx context.Context, e event.Event) ([]Forecast, error) {
	var all []Forecast
	var about *incarnation
	delivered := trigger.AsDelivered(e)
	for _, t := range f.Triggers {
		matches, err := t.Filter.MatchDelivered(ctx, delivered)
		if err != nil {
			all = append(all, Forecast{t.ID(), subscriber(t), Unknown, "Knative's filter fails on it, and nothing is delivered: " + err.Error()})
			continue
		}
		if !matches {
			continue
		}
		to := Forecast{Trigger: t.ID(), Subscriber: subscriber(t)}
		if about == nil {
			if about, err = f.ask(ctx, e); err != nil {
				return nil, err
			}
		}
		to.Verdict, to.Why = f.judge(e, to.Subscriber, about)
		all = append(all, to)
	}
	return all, nil
}

// incarnation is what is known about an event's alert.
type incarnation struct {
	alert    *alert.Alert // nil for an event of a whole group
	recorded time.Time
	records  []*record.Record
}

func (f *Forecaster) ask(ctx context.Context, e event.Event) (*incarnation, error) {
	about := &incarnation{}
	correlation := ""
	if alert.IsAlert(e) {
		a, err := alert.FromEvent(e)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.ID(), err)
		}
		about.alert, correlation = a, a.CorrelationID()
	} else if p, err := alert.FromGroupEvent(e); err == nil {
		correlation = p.CorrelationID()
	}
	var err error
	if about.recorded, err = alert.RecordedTime(e); err != nil && KindOf(e) == Alert {
		return nil, fmt.Errorf("event %s: %w", e.ID(), err)
	}
	if f.Records != nil && correlation != "" {
		if about.records, err = f.Records.Incarnation(ctx, correlation); err != nil {
			return nil, err
		}
	}
	return about, nil
}

// judge asks what a function asks, in its order, as far as it is known here.
func (f *Forecaster) judge(e event.Event, function string, about *incarnation) (Verdict, string) {
	switch {
	case f.Acting != nil && !f.Acting(function):
		return Unknown, function + " keeps no records that could be looked at"
	case KindOf(e) != Alert:
		return Unknown, "it is no alert"
	}
	if f.Policy != nil && about.alert != nil {
		if refusal := f.Policy.For(function).Admit(about.alert.Labels, f.Now()); refusal != nil {
			return Skips, refusal.Reason + ": " + refusal.Message
		}
	}
	if age := f.Now().Sub(about.recorded); f.MaxEventAge > 0 && age > f.MaxEventAge && !f.Signed {
		return Skips, fmt.Sprintf("Stale: recorded %s ago, more than %s; it acts only if it can ask Alertmanager, and the alert fires", age.Round(time.Second), f.MaxEventAge)
	}
	if f.Records == nil {
		return Unknown, "there is no cluster whose records could be asked"
	}
	return judgeByRecords(e, function, about)
}

func judgeByRecords(e event.Event, function string, about *incarnation) (Verdict, string) {
	firing := e.Type() == alert.TypeFiring || e.Type() == alert.TypeGroupFiring
	own := about.alert == nil || e.ID() == about.alert.ID()
	for _, r := range about.records {
		if r.Function != function || r.EventID != e.ID() {
			continue
		}
		switch r.Phase {
		case record.Finished:
			return FromRecord, fmt.Sprintf("%s at %s: %s", r.Outcome, r.FinishedAt.UTC().Format(time.RFC3339), r.Message)
		case record.Proposed:
			return Unknown, "what it would do waits for an approval: quench approve " + r.Proposal.ID
		case record.Running, record.Retrying:
			return Unknown, fmt.Sprintf("an attempt of %s was not finished; it looks what became of that", r.StartedAt.UTC().Format(time.RFC3339))
		}
	}
	for _, r := range about.records {
		if r.Function != function || !firing {
			continue
		}
		switch {
		case r.Phase == record.Resolved && !about.recorded.After(r.RecordedTime):
			return Skips, fmt.Sprintf("AlertResolved: it was told that the alert is over, at %s", r.RecordedTime.UTC().Format(time.RFC3339))
		case r.Phase == record.Finished && own:
			return Skips, fmt.Sprintf("SameAlert: acted on at %s under event id %s: %s", r.FinishedAt.UTC().Format(time.RFC3339), r.EventID, r.Message)
		}
	}
	if !firing {
		return MayAct, "no record of it; the alert is over, so that it at most ends what it had begun"
	}
	return MayAct, "no record of it; the function looks at its object, its limits and whether the alert fires still"
}

// subscriber is the name of the function that a Trigger leads to, or a URI.
func subscriber(t *trigger.Trigger) string {
	switch to := t.Spec.Subscriber; {
	case to.Ref != nil:
		return to.Ref.Name
	case to.URI != nil:
		return to.URI.String()
	}
	return ""
}
