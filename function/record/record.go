// Package record remembers what a function did, so that no event acts twice: one
// Remediation object (quench.dev/v1alpha1) per function, target and event.
//
// A record is written with the plan before anything is done and completed with
// the outcome. What survives a crash in between is a record in phase Running.
// Every write is optimistic: a record that somebody else has changed since it was
// read is not written, and the error says so.
package record

import (
	"time"

	"github.com/quench-dev/quench/adapter/alert"
)

// Phase is how far a record has come.
type Phase string

// Running is written before an action, Retrying after one that may be done
// again, Finished with its outcome. Proposed waits for an approval. Resolved is the mark that an alert leaves
// when it resolves; it tells of no action.
const (
	Running  Phase = "Running"
	Retrying Phase = "Retrying"
	Finished Phase = "Finished"
	Resolved Phase = "Resolved"
	Proposed Phase = "Proposed"
)

// Change is one change that a plan makes.
type Change struct {
	Op     string `json:"op"`             // create, patch, delete, run, …
	Object string `json:"object"`         // apps/v1/deployments/shop/frontend
	Diff   string `json:"diff,omitempty"` // what differs, for people
}

// Proposal is what waits for an approval, or was approved.
type Proposal struct {
	ID        string    // names it, once
	PlanHash  string    // of what is approved
	ExpiresAt time.Time // to the second
	Event     string    // the alert's event, as JSON
}

// Record is one action, or the mark of a resolved alert.
type Record struct {
	Name    string // see Name
	Version string // of the store; empty for a record that was never written

	Function      string
	Key           string // what is locked, see function.Plan
	EventID       string // for the mark of a resolved alert the correlation id
	CorrelationID string
	Alertname     string
	Fingerprint   string

	RecordedTime time.Time // of the delivery that this is about
	Target       string
	Summary      string
	Changes      []Change

	Phase      Phase
	Outcome    string
	Reason     string
	Message    string
	Objects    []string
	StartedAt  time.Time
	FinishedAt time.Time
	Attempts   int64
	Repeat     bool // it has acted again on a repeat of the event

	Proposal   *Proposal
	ApprovedBy string // the operator who approved or rejected it
}

// Name is what the record of a function, a lock key and an event id is called.
func Name(function, key, eventID string) string {
	return function + "-" + alert.Hash("record", function, key, eventID)
}

// Done says whether the record tells of an action that is over.
func (r *Record) Done() bool { return r.Phase == Finished }
