package function

import (
	"context"
	"encoding/json"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
)

// maxProposal bounds an event that is kept until its plan is approved, in bytes.
const maxProposal = 256 << 10

// Hash is of what would be done: two plans of one hash do the same to the same.
func (p Plan) Hash() string {
	text, _ := json.Marshal([]any{p.Target, p.key(), p.Summary, p.Changes}) // strings always encode
	return alert.Hash("plan", string(text))
}

// proposing says whether the plan is to be approved before anything is done.
func (at *attempt) proposing() bool {
	return at.req.rules.Mode == policy.Propose && at.req.approval == nil
}

// propose keeps the plan and the event that it is about, for an approval. A
// proposal that is kept already, of the same plan, keeps its id and its time.
func (at *attempt) propose(ctx context.Context, rec *record.Record) (Acted, error) {
	if err := at.allowed(ctx); err != nil {
		return Acted{}, err
	}
	at.counted()
	hash, now := at.plan.Hash(), at.f.o.Now().UTC()
	if rec != nil && rec.Proposal != nil && rec.Proposal.PlanHash == hash && now.Before(rec.Proposal.ExpiresAt) {
		return at.proposed(rec.Proposal), nil
	}
	whole := at.req.Event.Clone()
	whole.DataBase64 = true // or its bytes would be written anew, and are signed
	kept, err := json.Marshal(whole)
	if err != nil {
		return Acted{}, Fail(ReasonFailed, "keep the event for an approval: %w", err)
	}
	if len(kept) > maxProposal {
		return Acted{}, Skip(ReasonProposed, "the event has %d bytes, and of more than %d none is kept for an approval", len(kept), maxProposal)
	}
	next := at.newRecord(at.req.EventID)
	next.Phase, next.StartedAt = record.Proposed, now
	next.Proposal = &record.Proposal{
		ID:       alert.Hash("approval", next.Name, hash, now.Format(time.RFC3339Nano))[:12],
		PlanHash: hash, ExpiresAt: now.Add(at.req.rules.ApproveWithin).Truncate(time.Second), Event: string(kept),
	}
	ctx, end := at.uncancelled(ctx, bookkeeping)
	defer end()
	if rec == nil {
		err = at.f.o.Records.Create(ctx, next)
	} else {
		next.Version = rec.Version
		err = at.f.o.Records.Restart(ctx, next)
	}
	if err != nil {
		return Acted{}, Retry(err)
	}
	return at.proposed(next.Proposal), nil
}

func (at *attempt) proposed(p *record.Proposal) Acted {
	expires := p.ExpiresAt
	a := unrecorded(at.req, at.plan, Planned, ReasonProposed, at.plan.Summary+"; quench approve "+p.ID+" does it, until "+expires.Format(time.RFC3339))
	a.Approval, a.ApproveUntil = p.ID, &expires
	a.salt = p.ID
	return a
}

// keptEvent is the event that a proposal is about.
func keptEvent(p *record.Proposal) (event.Event, error) {
	var e event.Event
	err := json.Unmarshal([]byte(p.Event), &e)
	e.DataBase64 = false
	return e, err
}
