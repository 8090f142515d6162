package function

import (
	"time"

	"github.com/quench-dev/quench/function/record"
)

// Outcome is how an action ended.
type Outcome string

// The outcomes, the most telling first: of several actions about one event the
// first of these is the event's.
const (
	Failed    Outcome = "failed"
	Succeeded Outcome = "succeeded"
	Started   Outcome = "started"
	Planned   Outcome = "planned"
	Skipped   Outcome = "skipped"
)

// TypePrefix begins the type of every outcome event.
const TypePrefix = "dev.quench.action."

// Type is the outcome's event type.
func (o Outcome) Type() string { return TypePrefix + string(o) }

var rank = map[Outcome]int{Failed: 5, Succeeded: 4, Started: 3, Planned: 2, Skipped: 1}

// Acted is what became of one step: one member of an outcome event's actions.
type Acted struct {
	Target   string   `json:"target,omitempty"`
	Outcome  Outcome  `json:"outcome"`
	Reason   string   `json:"reason"`
	Message  string   `json:"message"`
	Summary  string   `json:"summary,omitempty"`
	Changes  []Change `json:"changes,omitempty"`
	Objects  []string `json:"objects,omitempty"`
	Attempts int64    `json:"attempts,omitempty"`

	// Approval is the id that a planned action is approved by, until ApproveUntil;
	// ApprovedBy is the operator who did, or who rejected it.
	Approval     string     `json:"approval,omitempty"`
	ApproveUntil *time.Time `json:"approveUntil,omitempty"`
	ApprovedBy   string     `json:"approvedBy,omitempty"`
	// Seconds from StartedAt to FinishedAt; all three are missing where nothing
	// was applied.
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
	Seconds    float64    `json:"durationSeconds,omitempty"`

	// salt is what the outcome event's id holds beyond cause, function and
	// outcome, so that what happens again is told as an event of its own.
	salt string
	// object is what the outcome is told on as a Kubernetes Event, where it is
	// another than the plan's.
	object *Object
}

// fromRecord tells what a record says, the same each time.
func fromRecord(r *record.Record) Acted {
	a := Acted{
		Target: r.Target, Outcome: Outcome(r.Outcome), Reason: r.Reason, Message: r.Message, Summary: r.Summary,
		Changes: r.Changes, Objects: r.Objects, Attempts: r.Attempts, ApprovedBy: r.ApprovedBy,
		StartedAt: &r.StartedAt, FinishedAt: &r.FinishedAt, Seconds: r.FinishedAt.Sub(r.StartedAt).Seconds(),
	}
	if r.Repeat {
		a.salt = stamp(r.RecordedTime)
	}
	return a
}

// unrecorded tells what no record holds, and what the next delivery decides anew.
func unrecorded(req *Request, p Plan, outcome Outcome, reason, message string) Acted {
	a := Acted{Target: p.Target, Outcome: outcome, Reason: reason, Message: message, Summary: p.Summary}
	if outcome == Planned {
		a.Changes = p.Changes
	}
	a.salt = reason
	if req != nil {
		a.salt += " " + stamp(req.RecordedTime)
	}
	return a
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// deciding is the action that the whole event is told by.
func deciding(all []Acted) Acted {
	first := all[0]
	for _, a := range all[1:] {
		if rank[a.Outcome] > rank[first.Outcome] {
			first = a
		}
	}
	return first
}
