package function

import (
	"context"
	"time"
)

// Guard decides from the request alone whether anything may be done about it; it
// answers nil, or an error made by Skip, Fail or Retry.
type Guard interface {
	Admit(ctx context.Context, req *Request) error
}

// age is the Guard against events that were recorded too long ago, unless
// Alertmanager has just said that the alert fires, or an operator signed or approved
// them: what somebody sends on purpose is never too old.
type age struct {
	most time.Duration
	now  func() time.Time
}

func (g age) Admit(_ context.Context, req *Request) error {
	old := g.now().Sub(req.RecordedTime)
	if g.most <= 0 || old <= g.most || req.confirmed || req.SignedBy != "" || req.approval != nil {
		return nil
	}
	return Skip(ReasonStale, "recorded %s ago, more than %s", old.Round(time.Second), g.most)
}

// guarded is an Action behind guards, asked in order before anything is planned.
type guarded struct {
	Action
	guards []Guard
}

func (a guarded) Plan(ctx context.Context, req *Request) ([]Step, error) {
	for _, g := range a.guards {
		if err := g.Admit(ctx, req); err != nil {
			return nil, err
		}
	}
	return a.Action.Plan(ctx, req)
}
