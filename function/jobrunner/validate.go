package jobrunner

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quench-dev/quench/function"
)

// check collects what is wrong with one rule.
type check struct{ errs []error }

func (c *check) that(ok bool, field, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
}

// rule checks an entry and makes it a Rule.
func (j *job) rule(old bool) (*Rule, error) {
	c := &check{}
	r := &Rule{
		Name: string(j.Name), Alert: string(j.Alert), Namespace: string(j.Namespace), CronJob: string(j.CronJob), TTL: j.TTLSecondsAfterFinished,
		OnRepeat: function.RepeatSkip, hardening: restricted,
	}
	if old || j.CronJob != "" {
		r.hardening = asBailer
	}
	c.that(j.Alert != "", "alert", "missing; want the alert's name")
	c.that(len(j.Name) <= 1024 && utf8.ValidString(string(j.Name)), "name", "want at most 1024 bytes")
	c.that(j.Namespace == "" || len(validation.IsDNS1123Label(string(j.Namespace))) == 0, "namespace", "got %q, want a namespace's name", j.Namespace)
	r.Labels = j.expressions(c)
	j.source(c, r, old)
	c.that(r.TTL == nil || *r.TTL >= 0, "ttlSecondsAfterFinished", "want 0 or more seconds")
	if j.MaxRunning != nil {
		c.that(*j.MaxRunning >= 1, "maxRunning", "got %d, want 1 or more; leave it out for no limit", *j.MaxRunning)
		r.MaxRunning = *j.MaxRunning
	}
	c.that(j.OnResolved == "" || j.OnResolved == "ignore" || j.OnResolved == "cancel", "onResolved", "got %q, want ignore or cancel", j.OnResolved)
	r.Cancel = j.OnResolved == "cancel"
	j.repeats(c, r)
	return r, errors.Join(c.errs...)
}

func (j *job) expressions(c *check) map[string]*regexp.Regexp {
	compiled := make(map[string]*regexp.Regexp, len(j.Labels))
	for _, label := range slices.Sorted(maps.Keys(j.Labels)) {
		expression, err := regexp.Compile(string(j.Labels[label]))
		if err != nil {
			c.that(false, "labels."+label, "got %q: %v; want a regular expression (RE2), such as ^nginx-.*", j.Labels[label], err)
			continue
		}
		compiled[label] = expression
	}
	return compiled
}

// source takes the Job from the one of container, template and cronJob that is
// given.
func (j *job) source(c *check, r *Rule, old bool) {
	switch {
	case j.Container != nil && j.Template == nil && j.CronJob == "":
		c.that(j.Container.Image != "", "container.image", "missing; want an image's name")
		c.that(!strings.ContainsAny(j.Container.reference(), " \t\r\n"), "container", "got %q, want an image without blanks", j.Container.reference())
		r.Template = j.template(old)
	case j.Container == nil && j.Template != nil && j.CronJob == "":
		r.Template = j.Template
		c.that(len(j.Template.Spec.Template.Spec.Containers) > 0, "template.spec.template.spec.containers", "missing; want at least one")
		c.that(j.Template.Name == "" && j.Template.GenerateName == "", "template.metadata.name", "the Job's name is derived from rule and event; leave it out")
		c.that(j.Template.Namespace == "", "template.metadata.namespace", "write it as the rule's namespace:")
		j.onlyWithContainer(c)
	case j.Container == nil && j.Template == nil && j.CronJob != "":
		c.that(len(validation.IsDNS1123Subdomain(string(j.CronJob))) == 0, "cronJob", "got %q, want a CronJob's name", j.CronJob)
		j.onlyWithContainer(c)
	case old:
		c.that(false, "container.image", "missing; want an image's name")
	default:
		c.that(false, "container", "want one of container, template and cronJob")
	}
	if r.Template != nil && r.TTL == nil && r.Template.Spec.TTLSecondsAfterFinished == nil {
		ttl := defaultTTL
		r.TTL = &ttl
	}
}

func (j *job) onlyWithContainer(c *check) {
	for field, given := range map[string]bool{
		"command": len(j.Command) > 0, "args": len(j.Args) > 0, "resources": j.Resources != nil, "serviceAccountName": j.ServiceAccountName != "",
	} {
		c.that(!given, field, "goes with container; write it in the Job's template")
	}
}

func (j *job) repeats(c *check, r *Rule) {
	switch function.OnRepeat(j.OnRepeat) {
	case "", function.RepeatSkip:
	case function.RepeatAct:
		r.OnRepeat, r.CoolDown = function.RepeatAct, defaultCoolDown
	default:
		c.that(false, "onRepeat", "got %q, want skip or act", j.OnRepeat)
	}
	if j.CoolDown == nil {
		return
	}
	d, err := time.ParseDuration(string(*j.CoolDown))
	c.that(err == nil && d >= 0, "coolDown", "got %q, want a duration such as 30m or 1h30m", *j.CoolDown)
	c.that(function.OnRepeat(j.OnRepeat) == function.RepeatAct, "coolDown", "goes with onRepeat: act")
	r.CoolDown = d
}
