package remedy

import (
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// Function is a remedy behind its guards.
type Function = function.Function

// Result is what Apply did: a reason code in CamelCase, a sentence, and which
// objects were changed, in the form of Plan.Target.
type Result = function.Result

// Change is one change of a Plan: Op is a verb, Object in the form of Plan.Target,
// Diff what differs, for people.
type Change = function.Change

// Outcome is how an action ended.
type Outcome = function.Outcome

// Kind is a kind of object, by its name in manifests.
type Kind = target.Kind

// The kinds of objects that labels lead to.
const (
	Pod         = target.Pod
	Deployment  = target.Deployment
	StatefulSet = target.StatefulSet
	DaemonSet   = target.DaemonSet
	Job         = target.Job
	CronJob     = target.CronJob
	Node        = target.Node
)

// The outcomes of actions.
const (
	Succeeded = function.Succeeded
	Failed    = function.Failed
	Skipped   = function.Skipped
	Planned   = function.Planned
)

// Skip is why something is deliberately not done; reason is a code in CamelCase.
func Skip(reason, format string, args ...any) error { return function.Skip(reason, format, args...) }

// Fail is an error that trying again would not mend.
func Fail(reason, format string, args ...any) error { return function.Fail(reason, format, args...) }

// Retry is an error that may pass, and with which nothing was done.
func Retry(err error) error { return function.Retry(err) }

// FromAPI decides what becomes of an error of the Kubernetes API: tried again, or
// final. verb says what was tried, as in "delete pod shop/x".
func FromAPI(verb string, err error) error { return function.FromAPI(verb, err) }
