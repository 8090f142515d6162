package jobrunner

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// Name is the function's name.
const Name = "job-runner"

// Reason codes of job-runner.
const (
	ReasonNoRule          = "NoRule"
	ReasonCreated         = "Created"
	ReasonAlreadyThere    = "AlreadyThere"
	ReasonMaxRunning      = "MaxRunning"
	ReasonCancelled       = "Cancelled"
	ReasonNothingRuns     = "NothingRuns"
	ReasonCronJobNotFound = "CronJobNotFound"
	ReasonNameTaken       = "NameTaken"
)

// Runner makes a Job for every rule that matches an alert.
type Runner struct {
	rules   []*Rule
	cluster cluster
	now     func() time.Time
}

// New is job-runner with these rules. now may be nil.
func New(rules []*Rule, client Client, now func() time.Time) *Runner {
	if now == nil {
		now = time.Now
	}
	return &Runner{rules: rules, cluster: cluster{client}, now: now}
}

// Name implements function.Action.
func (r *Runner) Name() string { return Name }

// Plan answers a step for each rule that matches.
func (r *Runner) Plan(ctx context.Context, req *function.Request) ([]function.Step, error) {
	var steps []function.Step
	for _, rule := range r.rules {
		if !rule.Matches(req.Alert) {
			continue
		}
		at := target{runner: r, rule: rule, req: req, namespace: rule.Namespace}
		if at.namespace == "" {
			at.namespace = r.cluster.client.Namespace()
		}
		if req.Resolved() {
			steps = append(steps, &cancel{at})
		} else {
			steps = append(steps, at.start(ctx))
		}
	}
	if len(steps) == 0 {
		return nil, function.Skip(ReasonNoRule, "no rule matches alert %q with these labels", req.Alert.Name())
	}
	return steps, nil
}

// target is one rule and one alert.
type target struct {
	runner    *Runner
	rule      *Rule
	req       *function.Request
	namespace string
}

func (t target) object(name string) string { return "batch/v1/jobs/" + t.namespace + "/" + name }

// key is what is locked and recorded: a rule does one thing at a time about one
// alert. Its parts may hold anything, so they are hashed.
func (t target) key() string {
	return fmt.Sprintf("rule/%s/%s/%s", slug(t.rule.Name), labelValue(t.req.Alert.Fingerprint), alert.Hash(t.rule.Name)[:8])
}

// ruleKey is locked while the rule's Jobs are counted.
func (t target) ruleKey() string {
	return fmt.Sprintf("rule/%s/%s", slug(t.rule.Name), alert.Hash(t.namespace, t.rule.Name)[:8])
}

func (t target) start(ctx context.Context) *start {
	s := &start{target: t, template: t.rule.Template}
	if t.rule.CronJob != "" {
		s.template, s.err = t.fromCronJob(ctx)
	}
	if s.err == nil {
		s.job = build(t.rule, s.template, t.req, t.namespace, t.req.RecordedTime)
	}
	s.plan = s.planned()
	return s
}

func (t target) fromCronJob(ctx context.Context) (*batchv1.JobTemplateSpec, error) {
	template, err := t.runner.cluster.cronJobTemplate(ctx, t.namespace, t.rule.CronJob)
	if apierrors.IsNotFound(err) {
		return nil, function.Fail(ReasonCronJobNotFound, "rule %q takes its Job from CronJob %s/%s, which does not exist", t.rule.Name, t.namespace, t.rule.CronJob)
	}
	if err != nil {
		return nil, function.FromAPI(fmt.Sprintf("get cronjob %s/%s", t.namespace, t.rule.CronJob), err)
	}
	if template.Spec.TTLSecondsAfterFinished == nil && t.rule.TTL == nil {
		template = template.DeepCopy()
		ttl := defaultTTL
		template.Spec.TTLSecondsAfterFinished = &ttl
	}
	return template, nil
}
