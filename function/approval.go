package function

import (
	"context"
	"encoding/json"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/record"
)

// The types of the events that an operator answers a proposal with.
const (
	TypeApprovalGranted  = "dev.quench.approval.granted"
	TypeApprovalRejected = "dev.quench.approval.rejected"
)

// Reason codes about approvals.
const (
	ReasonNotAnOperator   = "NotAnOperator"
	ReasonApprovalUnknown = "ApprovalUnknown"
	ReasonApprovalExpired = "ApprovalExpired"
	ReasonPlanChanged     = "PlanChanged"
	ReasonRejected        = "Rejected"
)

// Approval is the data of an approval event: which plan of which record. It is
// signed with an operator's key, and so is the plan's hash.
type Approval struct {
	ID       string `json:"approval"`
	Function string `json:"function"`
	Record   string `json:"record"`
	PlanHash string `json:"planHash"`
}

// NewApproval is the event by which an operator answers the proposal of a record;
// it is still to be signed.
func NewApproval(rec *record.Record, granted bool, now time.Time) (event.Event, error) {
	e := event.New()
	e.SetType(TypeApprovalRejected)
	if granted {
		e.SetType(TypeApprovalGranted)
	}
	e.SetID(alert.Hash(e.Type(), rec.Name, rec.Proposal.ID))
	e.SetSource("/quench/operator")
	if subject := alert.AttributeValue(rec.Target); subject != "" {
		e.SetSubject(subject)
	}
	e.SetTime(now)
	e.SetExtension(alert.AttrAction, rec.Function)
	e.SetExtension(alert.AttrCorrelationID, rec.CorrelationID)
	e.SetExtension(alert.AttrRecordedTime, types.FormatTime(now))
	data, err := json.Marshal(Approval{ID: rec.Proposal.ID, Function: rec.Function, Record: rec.Name, PlanHash: rec.Proposal.PlanHash})
	if err != nil {
		return e, err
	}
	e.SetDataContentType(event.ApplicationJSON)
	e.DataEncoded = data
	return e, e.Validate()
}

func isApproval(e event.Event) bool {
	return e.Type() == TypeApprovalGranted || e.Type() == TypeApprovalRejected
}

// approval is what an operator has said of a plan.
type approval struct {
	Approval
	by      string
	granted bool
}

// answerTo does what was proposed, or notes that it was rejected. Its outcome is
// told about the alert's event, like any other.
func (f *Function) answerTo(ctx context.Context, e event.Event) (*event.Event, error) {
	a := &approval{granted: e.Type() == TypeApprovalGranted}
	if err := json.Unmarshal(e.Data(), &a.Approval); err != nil {
		return f.refusedApproval(e, Fail(ReasonBadEvent, "read approval: %w", err))
	}
	if a.Function != f.name() {
		return nil, nil
	}
	req, err := f.approved(ctx, e, a)
	if err != nil {
		return f.refusedApproval(e, err)
	}
	if a.granted {
		return f.handle(ctx, req)
	}
	rejected, err := f.reject(ctx, a)
	if err != nil {
		return f.refusedApproval(e, err)
	}
	return f.reply(req.Event, req, []Acted{rejected})
}

// approved is the request that the approval is about.
func (f *Function) approved(ctx context.Context, e event.Event, a *approval) (*Request, error) {
	if f.o.Verify == nil {
		return nil, Skip(ReasonNotAnOperator, "approvals are signed, and this function has no keys to know operators by (VERIFY_KEYS_FILE)")
	}
	asked := &Request{Function: f.name(), Event: e, EventID: e.ID()}
	if err := f.o.Verify.Admit(ctx, asked); err != nil {
		return nil, err
	}
	if a.by = asked.SignedBy; a.by == "" {
		return nil, Skip(ReasonNotAnOperator, "only an operator's key approves, and this is the adapter's")
	}
	rec, err := f.o.Records.Get(ctx, a.Record)
	switch {
	case err != nil:
		return nil, Retry(err)
	case rec == nil || rec.Function != f.name():
		return nil, Skip(ReasonApprovalUnknown, "there is no record %s that %q could be about", a.Record, a.ID)
	case rec.Proposal == nil || rec.Proposal.ID != a.ID || rec.Proposal.PlanHash != a.PlanHash:
		return nil, Skip(ReasonApprovalUnknown, "nothing waits for the approval %q", a.ID)
	}
	about, err := keptEvent(rec.Proposal)
	if err != nil {
		return nil, Fail(ReasonBadEvent, "read the event that was kept: %w", err)
	}
	req, err := f.request(about)
	if err != nil {
		return nil, Fail(ReasonBadEvent, "%w", err)
	}
	req.approval, req.EventID = a, rec.EventID
	return req, nil
}

func (f *Function) refusedApproval(e event.Event, err error) (*event.Event, error) {
	outcome, reason := decide(err)
	if outcome == "" {
		return nil, answer(err)
	}
	f.o.Log.Warn().Str("event_id", e.ID()).Str("outcome", string(outcome)).Str("reason", reason).Msg(err.Error())
	return f.reply(e, nil, []Acted{unrecorded(nil, Plan{}, outcome, reason, err.Error())})
}

// agreed says whether what is to be done is what was approved; where the plan has
// changed since, the new one is proposed.
func (at *attempt) agreed(ctx context.Context, rec *record.Record) error {
	a := at.req.approval
	if err := a.open(rec, at.f.o.Now()); err != nil || at.plan.Hash() == a.PlanHash {
		return err
	}
	again, err := at.propose(ctx, rec)
	if err != nil {
		return err
	}
	return Skip(ReasonPlanChanged, "what would be done has changed since it was proposed: %s", again.Message)
}

// open is an error unless the record waits for this approval still.
func (a *approval) open(rec *record.Record, now time.Time) error {
	switch {
	case rec == nil || rec.Phase != record.Proposed || rec.Proposal.ID != a.ID || rec.Proposal.PlanHash != a.PlanHash:
		return Skip(ReasonApprovalUnknown, "nothing waits for the approval %q any more", a.ID)
	case !now.Before(rec.Proposal.ExpiresAt):
		return Skip(ReasonApprovalExpired, "the approval %q was open until %s", a.ID, rec.Proposal.ExpiresAt.Format(time.RFC3339))
	}
	return nil
}

// reject ends a proposal without doing anything.
func (f *Function) reject(ctx context.Context, a *approval) (Acted, error) {
	rec, err := f.o.Records.Get(ctx, a.Record)
	if err != nil {
		return Acted{}, Retry(err)
	}
	if rec != nil && rec.Done() && rec.Reason == ReasonRejected {
		return fromRecord(rec), nil // a redelivery
	}
	if err := a.open(rec, f.o.Now()); err != nil {
		return Acted{}, err
	}
	now := f.o.Now().UTC()
	rec.Phase, rec.Outcome, rec.Reason, rec.Message = record.Finished, string(Skipped), ReasonRejected, "rejected by "+a.by
	rec.ApprovedBy, rec.StartedAt, rec.FinishedAt = a.by, now, now
	// Whoever was faster has changed the record, and this is not written.
	return fromRecord(rec), Retry(f.o.Records.Progress(ctx, rec))
}
