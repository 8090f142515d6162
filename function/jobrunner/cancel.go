package jobrunner

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// cancel deletes the Jobs of an alert that has resolved, if the rule says so. It
// never makes one.
type cancel struct{ target }

// Plan implements function.Step. Which Jobs run is looked at under the lock; the
// target is the one that the firing event had.
func (c *cancel) Plan() function.Plan {
	firing := *c.req.Alert
	firing.Status = alert.Firing
	p := function.Plan{Target: c.object(jobName(c.rule, firing.ID(), c.req.RecordedTime)), Key: c.key()}
	if !c.rule.Cancel {
		p.Summary = fmt.Sprintf("nothing: rule %q ignores resolved alerts", c.rule.Name)
		return p
	}
	p.Summary = fmt.Sprintf("delete the unfinished Jobs that rule %q made for this alert in %s", c.rule.Name, c.namespace)
	p.Changes = []function.Change{{Op: "delete", Object: p.Target}}
	return p
}

func (c *cancel) unfinished(ctx context.Context) ([]string, error) {
	with := rulesLabels(c.req.Function, c.rule)
	with[labelCorrelationID] = c.req.CorrelationID
	run, err := c.runner.cluster.unfinished(ctx, c.namespace, with)
	return run, function.FromAPI("list jobs in "+c.namespace, err)
}

// Check skips where there is nothing to delete.
func (c *cancel) Check(ctx context.Context) error {
	if !c.rule.Cancel {
		return function.Skip(function.ReasonResolved, "the alert has resolved; rule %q lets its Jobs run", c.rule.Name)
	}
	run, err := c.unfinished(ctx)
	if err != nil {
		return err
	}
	if len(run) == 0 {
		return function.Skip(ReasonNothingRuns, "the alert has resolved; no Job of rule %q runs for it", c.rule.Name)
	}
	return nil
}

// Apply implements function.Step. Doing it again does no harm.
func (c *cancel) Apply(ctx context.Context) (function.Result, error) {
	run, err := c.unfinished(ctx)
	if err != nil {
		return function.Result{}, err
	}
	result := function.Result{Reason: ReasonCancelled}
	for _, name := range run {
		if err := c.runner.cluster.remove(ctx, c.namespace, name); err != nil && !apierrors.IsNotFound(err) {
			return result, function.FromAPI("delete job "+c.namespace+"/"+name, err)
		}
		result.Objects = append(result.Objects, c.object(name))
	}
	result.Message = fmt.Sprintf("the alert has resolved; deleted its unfinished Jobs in %s: %s", c.namespace, strings.Join(run, ", "))
	return result, nil
}

// Recover implements function.Recoverer.
func (c *cancel) Recover(ctx context.Context, _ function.Interrupted) (function.Result, error) {
	return c.Apply(ctx)
}
