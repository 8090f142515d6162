package jobrunner

import (
	"regexp"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// defaultTTL is how long a finished Job stays where nobody says: long enough to
// read its log. (Bailer's zero would delete it at once.)
const defaultTTL = int32(3600)

// defaultCoolDown is for onRepeat: act. It keeps the second Alertmanager of a
// pair, whose notification looks like a repeat, from starting a second Job.
const defaultCoolDown = 5 * time.Minute

// hardening is how much of Kubernetes' "restricted" Pod Security a Job without
// any security context gets.
type hardening int

const (
	// asBailer takes every privilege but running as root: Bailer's users run
	// images that do.
	asBailer hardening = iota
	// restricted runs as nobody, besides.
	restricted
)

// Rule is one entry of a rules file, checked and with its defaults.
type Rule struct {
	Name  string
	Alert string // compared exactly
	// Labels are expressions, unanchored, for the values of labels that the alert
	// must have.
	Labels map[string]*regexp.Regexp

	Namespace string // empty: the function's own
	Template  *batchv1.JobTemplateSpec
	CronJob   string // its jobTemplate is taken instead of Template

	TTL        *int32 // overrides the template's
	MaxRunning int    // 0: no limit
	Cancel     bool   // onResolved: cancel
	OnRepeat   function.OnRepeat
	CoolDown   time.Duration
	hardening  hardening
}

// Matches says whether the rule is for an alert, whatever its status.
func (r *Rule) Matches(a *alert.Alert) bool {
	if a.Name() != r.Alert {
		return false
	}
	for label, expression := range r.Labels {
		v, ok := a.Labels[label]
		if !ok || !expression.MatchString(v) {
			return false
		}
	}
	return true
}
