package function_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/record"
)

// proposing is a function that proposes, with the adapter's key and an operator's.
type proposing struct {
	*functiontest.World
	f              *function.Function
	records        *record.Remediations
	adapter, alice *alert.SigningKey
	summary        string // what the plan says
	runs           atomic.Int32
	event          event.Event
	name           string // the record's
	fails          error
}

func newProposing(t *testing.T) *proposing {
	t.Helper()
	p := &proposing{World: functiontest.New(t), summary: "put it out"}
	p.adapter, p.alice = signingKey(t), signingKey(t)
	keys := t.TempDir()
	for name, public := range map[string]alert.VerifyKey{"adapter.pub": p.adapter.Verifier("", time.Now()), "alice.pub": p.alice.Verifier("alice", time.Now())} {
		text, err := public.PEM()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(keys, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.records = &record.Remediations{Client: p.Client}
	a := action{func(*function.Request) ([]function.Step, error) {
		return []function.Step{step{function.Plan{Target: target, Summary: p.summary}, func(context.Context) (function.Result, error) {
			p.runs.Add(1)
			return function.Result{Message: "it is out"}, p.fails
		}}}, nil
	}}
	govern(t, p.World, a, "defaults: {mode: propose, approveWithin: 30m}")
	p.f = governed(t, p.World, a, function.Provenance{Keys: keys})
	p.event = functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Burns"}), p.Clock.Now())
	if err := p.adapter.Sign(&p.event); err != nil {
		t.Fatal(err)
	}
	p.name = record.Name("tester", target, p.event.ID())
	return p
}

func (p *proposing) record(t *testing.T) *record.Record {
	t.Helper()
	r, err := p.records.Get(t.Context(), p.name)
	if err != nil || r == nil {
		t.Fatalf("record %s: %v, %v", p.name, r, err)
	}
	return r
}

// approve is an operator's answer to what is proposed, signed with a key.
func (p *proposing) approve(t *testing.T, granted bool, key *alert.SigningKey, change func(*record.Record)) event.Event {
	t.Helper()
	r := p.record(t)
	if change != nil {
		change(r)
	}
	e, err := function.NewApproval(r, granted, p.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if key != nil {
		if err := key.Sign(&e); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func TestProposalIsDoneOnceApproved(t *testing.T) {
	p := newProposing(t)
	o := functiontest.Handle(t, p.f, p.event)
	o.Want(t, function.Planned, function.ReasonProposed)
	r := p.record(t)
	if a := o.Actions[0]; p.runs.Load() != 0 || r.Phase != record.Proposed || a.Approval == "" || a.Approval != r.Proposal.ID || !a.ApproveUntil.Equal(r.Proposal.ExpiresAt) {
		t.Fatalf("ran %d times; outcome %+v; record %+v", p.runs.Load(), a, r)
	}
	if again := functiontest.Handle(t, p.f, p.event); again.ID != o.ID || again.Actions[0].Approval != o.Actions[0].Approval {
		t.Errorf("a redelivery proposes anew: %+v", again)
	}
	approval := p.approve(t, true, p.alice, nil)
	done := functiontest.Handle(t, p.f, approval)
	done.Want(t, function.Succeeded, function.ReasonDone)
	if done.Actions[0].ApprovedBy != "alice" || done.EventID != p.event.ID() || done.Attributes["correlationid"] != o.Attributes["correlationid"] {
		t.Errorf("outcome %+v", done)
	}
	// Neither the approval nor the alert, once more, does anything.
	functiontest.Handle(t, p.f, approval).Want(t, function.Succeeded, function.ReasonDone)
	functiontest.Handle(t, p.f, p.event).Want(t, function.Succeeded, function.ReasonDone)
	if p.runs.Load() != 1 {
		t.Errorf("ran %d times, want once", p.runs.Load())
	}
	if r := p.record(t); r.ApprovedBy != "alice" || r.Phase != record.Finished {
		t.Errorf("record %+v", r)
	}
}

func TestApprovalsThatAreNone(t *testing.T) {
	p := newProposing(t)
	functiontest.Handle(t, p.f, p.event).Want(t, function.Planned, function.ReasonProposed)
	stranger := signingKey(t)
	for name, test := range map[string]struct {
		key    *alert.SigningKey
		change func(*record.Record)
		forge  func(*event.Event)
		reason string
	}{
		"unsigned":           {reason: function.ReasonUnsigned},
		"a stranger's":       {key: stranger, reason: function.ReasonUnknownKey},
		"the adapter's":      {key: p.adapter, reason: function.ReasonNotAnOperator},
		"another id":         {key: p.alice, change: func(r *record.Record) { r.Proposal.ID = "0123456789ab" }, reason: function.ReasonApprovalUnknown},
		"another plan":       {key: p.alice, change: func(r *record.Record) { r.Proposal.PlanHash = "0" }, reason: function.ReasonApprovalUnknown},
		"another record":     {key: p.alice, change: func(r *record.Record) { r.Name = "tester-0" }, reason: function.ReasonApprovalUnknown},
		"granted for reject": {key: p.alice, forge: func(e *event.Event) { e.SetType(function.TypeApprovalRejected) }, reason: function.ReasonBadSignature},
		"altered":            {key: p.alice, forge: func(e *event.Event) { e.DataEncoded = append(e.DataEncoded[:len(e.DataEncoded)-1], `,"x":1}`...) }, reason: function.ReasonBadSignature},
	} {
		t.Run(name, func(t *testing.T) {
			e := p.approve(t, true, test.key, test.change)
			if test.forge != nil {
				test.forge(&e)
			}
			functiontest.Handle(t, p.f, e).Want(t, function.Skipped, test.reason)
		})
	}
	t.Run("no JSON", func(t *testing.T) {
		e := p.approve(t, true, p.alice, nil)
		e.DataEncoded = []byte(`[]`)
		functiontest.Handle(t, p.f, e).Want(t, function.Failed, function.ReasonBadEvent)
	})
	t.Run("another function's", func(t *testing.T) {
		reply, err := p.f.Handle(t.Context(), p.approve(t, true, p.alice, func(r *record.Record) { r.Function = "other" }))
		if reply != nil || err != nil {
			t.Errorf("answered %v, %v", reply, err)
		}
	})
	t.Run("late", func(t *testing.T) {
		e := p.approve(t, true, p.alice, nil)
		p.Clock.Advance(31 * time.Minute)
		functiontest.Handle(t, p.f, e).Want(t, function.Skipped, function.ReasonApprovalExpired)
	})
	if p.runs.Load() != 0 {
		t.Errorf("ran %d times", p.runs.Load())
	}
}

func TestChangedPlanIsProposedAnew(t *testing.T) {
	p := newProposing(t)
	functiontest.Handle(t, p.f, p.event).Want(t, function.Planned, function.ReasonProposed)
	first := p.approve(t, true, p.alice, nil)
	p.summary = "put it out with foam"
	functiontest.Handle(t, p.f, first).Want(t, function.Skipped, function.ReasonPlanChanged)
	functiontest.Handle(t, p.f, first).Want(t, function.Skipped, function.ReasonApprovalUnknown)
	if p.runs.Load() != 0 {
		t.Fatal("acted on a plan that nobody approved")
	}
	functiontest.Handle(t, p.f, p.approve(t, true, p.alice, nil)).Want(t, function.Succeeded, function.ReasonDone)
}

func TestRejectedProposalIsOver(t *testing.T) {
	p := newProposing(t)
	functiontest.Handle(t, p.f, p.event).Want(t, function.Planned, function.ReasonProposed)
	granted := p.approve(t, true, p.alice, nil)
	rejected := p.approve(t, false, p.alice, nil)
	for range 2 {
		o := functiontest.Handle(t, p.f, rejected)
		o.Want(t, function.Skipped, function.ReasonRejected)
		if o.Actions[0].ApprovedBy != "alice" {
			t.Errorf("outcome %+v", o)
		}
	}
	functiontest.Handle(t, p.f, granted).Want(t, function.Skipped, function.ReasonRejected)
	functiontest.Handle(t, p.f, p.event).Want(t, function.Skipped, function.ReasonRejected)
	if p.runs.Load() != 0 {
		t.Error("acted on what was rejected")
	}
}

func TestApprovalIsTriedAgain(t *testing.T) {
	p := newProposing(t)
	functiontest.Handle(t, p.f, p.event).Want(t, function.Planned, function.ReasonProposed)
	e := p.approve(t, true, p.alice, nil)
	p.fails = function.Retry(errors.New("throttled"))
	_, err := p.f.Handle(t.Context(), e)
	var result *cehttp.Result
	if !errors.As(err, &result) || result.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("got %v", err)
	}
	p.fails = nil
	functiontest.Handle(t, p.f, e).Want(t, function.Succeeded, function.ReasonDone)
}

func signingKey(t *testing.T) *alert.SigningKey {
	t.Helper()
	k, err := alert.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}
