package record

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// The labels that records are found by. A key and an hour are what a query is
// about, so that the API server sends no more than is asked for.
const (
	labelFunction      = "quench.dev/function"
	labelCorrelationID = "quench.dev/correlation-id"
	labelKey           = "quench.dev/key"  // a hash, a key may hold anything
	labelHour          = "quench.dev/hour" // in which the last action began
	labelApproval      = "quench.dev/approval"

	hourFormat = "2006-01-02T15"
)

// The bounds of what a Remediation holds of texts that others wrote, in bytes.
const (
	maxText = 2 << 10
	maxDiff = 16 << 10
)

// remediation is the object's JSON, in the order of the CustomResourceDefinition.
type remediation struct {
	Spec   spec   `json:"spec"`
	Status status `json:"status,omitempty"`
}

type spec struct {
	Function      string   `json:"function"`
	Target        string   `json:"target"`
	Key           string   `json:"key"`
	EventID       string   `json:"eventID"`
	CorrelationID string   `json:"correlationID"`
	RecordedTime  string   `json:"recordedTime"`
	Alertname     string   `json:"alertname,omitempty"`
	Fingerprint   string   `json:"fingerprint,omitempty"`
	Summary       string   `json:"summary,omitempty"`
	Changes       []Change `json:"changes,omitempty"`

	Proposal *proposal `json:"proposal,omitempty"`
}

type proposal struct {
	ID        string `json:"approval"`
	PlanHash  string `json:"planHash"`
	ExpiresAt string `json:"expiresAt"`
	Event     string `json:"event"`
}

type status struct {
	Phase        Phase    `json:"phase,omitempty"`
	Outcome      string   `json:"outcome,omitempty"`
	Reason       string   `json:"reason,omitempty"`
	Message      string   `json:"message,omitempty"`
	Objects      []string `json:"objects,omitempty"`
	RecordedTime string   `json:"recordedTime,omitempty"`
	StartedAt    string   `json:"startedAt,omitempty"`
	FinishedAt   string   `json:"finishedAt,omitempty"`
	Attempts     int64    `json:"attempts,omitempty"`
	Repeat       bool     `json:"repeat,omitempty"`
	ApprovedBy   string   `json:"approvedBy,omitempty"`
}

// bound cuts the record itself to what is kept, so that an action is told in the
// same words when it is answered from its record.
func (r *Record) bound() {
	changes := make([]Change, len(r.Changes))
	for i, c := range r.Changes {
		changes[i] = Change{Op: c.Op, Object: cut(c.Object, maxText), Diff: cut(c.Diff, maxDiff/len(r.Changes))}
	}
	r.Changes = changes
	for _, s := range []*string{&r.Target, &r.Key, &r.EventID, &r.Alertname, &r.Fingerprint, &r.Summary, &r.Message} {
		*s = cut(*s, maxText)
	}
}

func encode(r *Record) *unstructured.Unstructured {
	r.bound()
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&remediation{
		Spec: spec{
			Function: r.Function, Target: r.Target, Key: r.Key, EventID: r.EventID,
			CorrelationID: r.CorrelationID, RecordedTime: text(r.RecordedTime), Alertname: r.Alertname,
			Fingerprint: r.Fingerprint, Summary: r.Summary, Changes: r.Changes, Proposal: encodeProposal(r.Proposal),
		},
		Status: status{
			Phase: r.Phase, Outcome: r.Outcome, Reason: r.Reason, Message: r.Message, Objects: r.Objects,
			RecordedTime: text(r.RecordedTime), StartedAt: text(r.StartedAt), FinishedAt: text(r.FinishedAt),
			Attempts: r.Attempts, Repeat: r.Repeat, ApprovedBy: r.ApprovedBy,
		},
	})
	if err != nil {
		panic("record: encode: " + err.Error()) // our own struct of strings and numbers
	}
	o := &unstructured.Unstructured{Object: m}
	o.SetAPIVersion("quench.dev/v1alpha1")
	o.SetKind("Remediation")
	o.SetName(r.Name)
	o.SetResourceVersion(r.Version)
	labels := map[string]string{
		"app.kubernetes.io/managed-by": "quench", labelFunction: r.Function, labelCorrelationID: r.CorrelationID,
		labelKey: keyHash(r.Key), labelHour: r.StartedAt.UTC().Format(hourFormat),
	}
	if r.Proposal != nil {
		labels[labelApproval] = r.Proposal.ID
	}
	o.SetLabels(labels)
	return o
}

func decode(o *unstructured.Unstructured) (*Record, error) {
	var m remediation
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &m); err != nil {
		return nil, fmt.Errorf("read record %s: %w", o.GetName(), err)
	}
	if m.Status.RecordedTime == "" {
		m.Status.RecordedTime = m.Spec.RecordedTime // the status was never written
	}
	r := &Record{
		Name: o.GetName(), Version: o.GetResourceVersion(),
		Function: m.Spec.Function, Key: m.Spec.Key, EventID: m.Spec.EventID, CorrelationID: m.Spec.CorrelationID,
		Alertname: m.Spec.Alertname, Fingerprint: m.Spec.Fingerprint,
		Target: m.Spec.Target, Summary: m.Spec.Summary, Changes: m.Spec.Changes,
		Phase: m.Status.Phase, Outcome: m.Status.Outcome, Reason: m.Status.Reason, Message: m.Status.Message,
		Objects: m.Status.Objects, Attempts: m.Status.Attempts, Repeat: m.Status.Repeat, ApprovedBy: m.Status.ApprovedBy,
	}
	expires := ""
	if p := m.Spec.Proposal; p != nil {
		r.Proposal, expires = &Proposal{ID: p.ID, PlanHash: p.PlanHash, Event: p.Event}, p.ExpiresAt
		if m.Status.StartedAt == "" {
			r.Phase = Proposed // cut off before its status was written
		}
	}
	for _, field := range []struct {
		text string
		to   *time.Time
	}{
		{m.Status.RecordedTime, &r.RecordedTime},
		{m.Status.StartedAt, &r.StartedAt},
		{m.Status.FinishedAt, &r.FinishedAt},
		{expires, r.Proposal.expiry()},
	} {
		if field.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, field.text)
		if err != nil {
			return nil, fmt.Errorf("read record %s: %w", o.GetName(), err)
		}
		*field.to = t
	}
	if r.StartedAt.IsZero() {
		r.StartedAt = o.GetCreationTimestamp().UTC()
	}
	return r, nil
}

func encodeProposal(p *Proposal) *proposal {
	if p == nil {
		return nil
	}
	return &proposal{ID: p.ID, PlanHash: p.PlanHash, ExpiresAt: text(p.ExpiresAt), Event: p.Event}
}

// expiry is where the time goes that a proposal expires at.
func (p *Proposal) expiry() *time.Time {
	if p == nil {
		return nil
	}
	return &p.ExpiresAt
}

// text keeps nanoseconds: two deliveries are told apart by their recordedtime.
func text(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// cut shortens s to at most so many bytes, between characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const more = "…"
	end := most - len(more)
	for end > 0 && s[end]&0xC0 == 0x80 {
		end--
	}
	return s[:end] + more
}
