package remedy

import (
	"context"
	"fmt"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/target"
)

// action is a Remedy as a function.Action.
type action struct {
	remedy    Remedy
	client    *cluster.Client
	namespace string
}

// Name implements function.Action.
func (a *action) Name() string { return a.remedy.Name }

// Plan answers one step, for the object that the alert is about.
func (a *action) Plan(ctx context.Context, req *function.Request) ([]function.Step, error) {
	c, err := a.open(ctx, req)
	if err != nil {
		return nil, err
	}
	s := &step{action: a, req: req, c: c}
	s.told = function.Plan{Summary: "nothing about " + c.String()}
	if c.Found != nil {
		s.told.Target, s.told.Object, s.told.Managers = c.Found.Target(), c.Found.Object(), c.Found.Managers
		if req.Resolved() {
			return []function.Step{over{s}}, nil
		}
		if c.carries() {
			s.told.Summary = fmt.Sprintf("nothing: %s was changed for this event", c)
			return []function.Step{s}, nil
		}
	}
	p, err := a.plan(ctx, c)
	if err != nil && c.Found == nil {
		return nil, err
	}
	if err != nil {
		s.told.Err = err
		return []function.Step{s}, nil
	}
	s.plan = p
	s.told.Summary, s.told.Changes = p.Summary, p.Changes
	if p.Target != "" && p.Target != s.told.Target { // what it says is no longer about the object that was found
		s.told.Target, s.told.Object, s.told.Managers = p.Target, nil, nil
	}
	if req.Resolved() {
		return []function.Step{over{s}}, nil
	}
	return []function.Step{s}, nil
}

// open reads the object that the alert is about.
func (a *action) open(ctx context.Context, req *function.Request) (*Case, error) {
	c := &Case{Alert: req.Alert, EventID: req.EventID, action: a}
	if len(a.remedy.Kinds) == 0 {
		return c, nil
	}
	finder := target.Finder{Client: a.client, Namespace: a.namespace, Kinds: a.remedy.Kinds}
	found, err := finder.Find(ctx, req.Alert)
	if err != nil {
		return nil, err
	}
	c.Found = found
	return c, nil
}

// plan asks the author's, and holds it to what the guards go by.
func (a *action) plan(ctx context.Context, c *Case) (Plan, error) {
	p, err := a.remedy.Plan(ctx, c)
	switch {
	case err != nil:
		return p, err
	case p.Summary == "":
		return p, function.Fail(function.ReasonInvalid, "Plan of %s says nothing: want a Summary, one sentence", a.remedy.Name)
	case p.Target == "" && c.Found == nil:
		return p, function.Fail(function.ReasonInvalid, "Plan of %s names no Target, and the Remedy no Kinds: want one of them", a.remedy.Name)
	}
	return p, nil
}
