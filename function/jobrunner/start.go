package jobrunner

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/quench-dev/quench/function"
)

// start makes the Job for a firing alert.
type start struct {
	target
	template *batchv1.JobTemplateSpec
	job      *batchv1.Job
	err      error // why there is no Job to make
	plan     function.Plan
}

// Plan implements function.Step.
func (s *start) Plan() function.Plan { return s.plan }

func (s *start) planned() function.Plan {
	name := jobName(s.rule, s.req.EventID, s.req.RecordedTime)
	p := function.Plan{
		Target: s.object(name), Key: s.key(), OnRepeat: s.rule.OnRepeat, CoolDown: s.rule.CoolDown, Err: s.err,
		Summary: fmt.Sprintf("create Job %s/%s by rule %q", s.namespace, name, s.rule.Name),
	}
	if s.rule.MaxRunning > 0 {
		p.Locks = []string{s.ruleKey()}
	}
	if s.job != nil {
		p.Changes = []function.Change{{Op: "create", Object: p.Target, Diff: manifest(s.job)}}
	}
	return p
}

// Check counts the rule's Jobs; the rule's lock is held, so none is added meanwhile.
func (s *start) Check(ctx context.Context) error {
	most := s.rule.MaxRunning
	if most == 0 {
		return nil
	}
	run, err := s.runner.cluster.unfinished(ctx, s.namespace, rulesLabels(s.req.Function, s.rule))
	if err != nil {
		return function.FromAPI("count jobs in "+s.namespace, err)
	}
	if len(run) < most {
		return nil
	}
	return function.Skip(ReasonMaxRunning, "%d of at most %d Jobs of rule %q run in %s; the alert's next notification takes it up, "+
		"which comes after Alertmanager's repeat_interval, or its group_interval when the group changes, if the alert still fires then",
		len(run), most, s.rule.Name, s.namespace)
}

// Apply implements function.Step. Doing it again does no harm: the name is taken.
func (s *start) Apply(ctx context.Context) (function.Result, error) { return s.create(ctx, s.job) }

// Recover says whether the Job of an attempt that was cut off was made, and makes
// it if it was not.
func (s *start) Recover(ctx context.Context, was function.Interrupted) (function.Result, error) {
	job := build(s.rule, s.template, s.req, s.namespace, was.RecordedTime)
	_, err := s.runner.cluster.get(ctx, job.Namespace, job.Name)
	if err == nil {
		return s.create(ctx, job) // finds it, and whose it is
	}
	if !apierrors.IsNotFound(err) {
		return function.Result{}, function.FromAPI("get job "+job.Namespace+"/"+job.Name, err)
	}
	if ttl := job.Spec.TTLSecondsAfterFinished; ttl != nil && !was.Undone && s.runner.now().Sub(was.StartedAt) >= time.Duration(*ttl)*time.Second {
		return function.Result{}, function.Fail(function.ReasonUnknown, "the attempt of %s was cut off; its Job may have run and been deleted "+
			"after %d s (ttlSecondsAfterFinished), so it is not made again", was.StartedAt.UTC().Format(time.RFC3339), *ttl)
	}
	if was.Resolved {
		return function.Result{}, function.Skip(function.ReasonAlertResolved, "the alert has resolved since this was recorded")
	}
	if err := s.Check(ctx); err != nil {
		return function.Result{}, err
	}
	return s.create(ctx, job)
}

func (s *start) create(ctx context.Context, job *batchv1.Job) (function.Result, error) {
	where := job.Namespace + "/" + job.Name
	result := function.Result{Reason: ReasonCreated, Message: "created Job " + where, Objects: []string{s.object(job.Name)}}
	if left := job.Annotations[annotationLeftOut]; left != "" {
		result.Message += "; too large for its environment, and left out: " + left
	}
	uid, err := s.runner.cluster.create(ctx, job)
	switch {
	case err == nil:
		result.Object = &function.Object{APIVersion: "batch/v1", Kind: "Job", Namespace: job.Namespace, Name: job.Name, UID: uid}
		return result, nil
	case !apierrors.IsAlreadyExists(err):
		return function.Result{}, function.FromAPI("create job "+where, err)
	}
	there, err := s.runner.cluster.get(ctx, job.Namespace, job.Name)
	if err != nil {
		return function.Result{}, function.Retry(fmt.Errorf("get job %s: %w", where, err))
	}
	for _, label := range []string{labelManagedBy, labelFunction, labelRule, labelEventID} {
		if there.Labels[label] != job.Labels[label] {
			return function.Result{}, function.Fail(ReasonNameTaken, "Job %s exists and is not this event's: its label %s is %q, not %q",
				where, label, there.Labels[label], job.Labels[label])
		}
	}
	result.Reason, result.Message = ReasonAlreadyThere, "Job "+where+" was there already"
	return result, nil
}
