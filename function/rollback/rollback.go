package rollback

import (
	"context"
	"fmt"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// Name is the function's name.
const Name = "rollback"

// Reason codes of rollback, beside those of package target.
const (
	ReasonRolledBack        = "RolledBack"
	ReasonAlreadyRolledBack = "AlreadyRolledBack"
	ReasonPaused            = "RolloutPaused"
	ReasonNoEarlierRevision = "NoEarlierRevision"
	ReasonRevisionNotFound  = "RevisionNotFound" // the one that quench.dev/rollback-to names
	ReasonNoKnownGood       = "NoKnownGood"
	ReasonKnownBad          = "KnownBad"
	ReasonLeftBefore        = "LeftBefore" // somebody left the earlier revision for the current
	ReasonSameTemplate      = "SameTemplate"
	ReasonNotCurrent        = "NotCurrent"      // the alert is about another revision than the current
	ReasonUnknownRevision   = "UnknownRevision" // it cannot be told which it is about
)

// What ROLLBACK_TO may be.
const (
	Previous  = "previous"
	KnownGood = "known-good"
)

// Options say how to roll back.
type Options struct {
	To        string // Previous, which empty means, or KnownGood
	Namespace string // for alerts without the label namespace; empty: the client's
	Now       func() time.Time
}

// Rollback brings back earlier revisions.
type Rollback struct {
	finder  target.Finder
	cluster cluster
	to      string
	now     func() time.Time
}

// New is rollback on a cluster.
func New(client target.Client, o Options) *Rollback {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Rollback{
		finder:  target.Finder{Client: client, Namespace: o.Namespace, Kinds: []target.Kind{target.Deployment, target.StatefulSet, target.DaemonSet}},
		cluster: cluster{client}, to: o.To, now: o.Now,
	}
}

// Name implements function.Action.
func (r *Rollback) Name() string { return Name }

// Plan answers one step, for the object that the alert is about.
func (r *Rollback) Plan(ctx context.Context, req *function.Request) ([]function.Step, error) {
	found, err := r.finder.Find(ctx, req.Alert)
	if err != nil {
		return nil, err
	}
	if req.Resolved() {
		return []function.Step{&over{rollback: r, found: found}}, nil
	}
	s := &undo{rollback: r, req: req, found: found}
	s.plan = function.Plan{Target: found.Target(), Object: found.Object(), Managers: found.Managers}
	if carries(found.Live, req.EventID) {
		s.plan.Summary = fmt.Sprintf("nothing: %s was rolled back for this event", found)
		return []function.Step{s}, nil
	}
	seen, err := r.look(ctx, found, found.Live)
	if err != nil {
		return nil, err
	}
	s.to, err = r.choose(seen, found, req.Alert)
	if err != nil {
		s.plan.Summary, s.plan.Err = fmt.Sprintf("roll %s back", found), err
		return []function.Step{s}, nil
	}
	s.from = seen.current
	s.plan.Summary = fmt.Sprintf("roll %s back from %s to %s", found, s.from, s.to)
	s.plan.Changes = []function.Change{
		{Op: "patch", Object: found.Target(), Diff: diff(s.from, s.to)},
		{Op: "annotate", Object: s.from.path()},
	}
	return []function.Step{s}, nil
}
