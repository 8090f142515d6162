package function

import (
	"context"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
)

// Action is what one function does about an alert.
type Action interface {
	// Name is the function's name, a DNS label such as job-runner.
	Name() string
	// Plan reads whatever it needs and says what would be done: a step for each
	// object, none where the alert is no concern of this function. It changes
	// nothing. For a resolved alert it answers a step for everything that it would
	// have done about the firing one, so that a firing event that is delivered
	// late finds the mark; a step with nothing to do says so in its Check.
	// Errors are made by Skip, Fail and Retry; any other is final.
	Plan(ctx context.Context, req *Request) ([]Step, error)
}

// Grouped is an Action that takes the events of whole webhooks, too: a Request
// with a Payload.
type Grouped interface{ TakesGroups() }

// SideBySide is an Action whose steps are done all at once, not one after another.
type SideBySide interface{ StepsAtOnce() }

// Request is one alert event, or one of a whole webhook, read from its data.
type Request struct {
	Function      string
	Event         event.Event // as it came; its attributes are signed only in part
	SignedBy      string      // the operator who signed it; empty: the adapter, or nobody was asked
	Alert         *alert.Alert
	Payload       *alert.Payload // of a group event, whose Alert is then alert.Payload.Whole; nil for one alert's
	EventID       string
	CorrelationID string
	RecordedTime  time.Time

	rules     policy.Rules // what the policy says, once it was read
	confirmed bool         // Alertmanager says that the alert fires
	approval  *approval    // what an operator has said of the plan
}

// Resolved says whether the alert is over.
func (r *Request) Resolved() bool { return r.Alert.Status == alert.Resolved }

// Step is one thing to do to one object.
type Step interface {
	// Plan says what Apply would do. It is plain data, the same at every call.
	Plan() Plan
	// Apply does it, under the locks. Its errors are made by Fail; by Retry, which
	// promises that nothing was done; or by Unsure. Any other is final, unless it
	// is the network's or a deadline's: those are Unsure.
	Apply(ctx context.Context) (Result, error)
}

// Checker is a Step that has something to look at under the locks before
// anything is recorded or done, such as a count; it answers a Skip where it must
// not be done.
type Checker interface {
	Check(ctx context.Context) error
}

// Recoverer is a Step that can tell, or make good, what became of an action
// whose record was never completed. A Skip promises that nothing was done. Without
// it such an action has failed with reason Unknown.
type Recoverer interface {
	Recover(ctx context.Context, was Interrupted) (Result, error)
}

// Interrupted is what is known of an action that was cut off.
type Interrupted struct {
	RecordedTime time.Time // of the delivery that it acted on
	StartedAt    time.Time // to the second
	Undone       bool      // it ended with a Retry: nothing was done
	Resolved     bool      // the alert is over since: nothing may be begun any more
}

// Change is one change of a plan: Op is a verb, Object in the form of
// Plan.Target, Diff what differs, for people.
type Change = record.Change

// OnRepeat says what a repeat does, that is the same event with a later
// recordedtime, as Alertmanager's repeat_interval causes it.
type OnRepeat string

// RepeatSkip answers a repeat with what was done before; RepeatAct does it
// again, once the cool-down is over.
const (
	RepeatSkip OnRepeat = "skip"
	RepeatAct  OnRepeat = "act"
)

// Plan is what a step would do.
type Plan struct {
	// Target is the object as group/version/resource/namespace/name, such as
	// apps/v1/deployments/shop/frontend; the core group has no group part.
	Target string
	// Key is what the lock and the record are for; empty means the target.
	Key string
	// Lock is locked in the place of Key where several events about one Key may be
	// acted on at once; it holds the Key, and tells those events apart.
	Lock    string
	Summary string // one sentence
	Changes []Change

	// Namespace is the one that the policy is asked about where the target is no
	// object in the Kubernetes API.
	Namespace string
	// Timeout is how long Apply may take; 0 means the function's ApplyTimeout.
	Timeout time.Duration

	// Object is the target itself where it is in the Kubernetes API: what was done
	// is told as a Kubernetes Event on it.
	Object *Object
	// Managers are whoever else looks after the object and might undo a change, or
	// be undone by it. Policy says whether it is changed all the same.
	Managers []Manager

	OnRepeat OnRepeat      // empty means RepeatSkip
	CoolDown time.Duration // since the last finish, before a repeat acts again
	Locks    []string      // further locks, taken after the key's in sorted order

	// Err is why nothing can be done, made by Skip, Fail or Retry. The step is
	// then answered with it; nothing is locked, recorded or applied.
	Err error
}

func (p Plan) key() string {
	if p.Key != "" {
		return p.Key
	}
	return p.Target
}

func (p Plan) lock() string {
	if p.Lock != "" {
		return p.Lock
	}
	return p.key()
}

// Object names an object in the Kubernetes API.
type Object struct {
	APIVersion, Kind, Namespace, Name, UID string
}

// Manager is who looks after an object that is not changed by hand.
type Manager struct {
	Kind string // ManagerGitOps or ManagerController
	Name string // for people, as in: Argo CD application shop
}

// The kinds of managers: a tool that applies what a repository says, and a
// controller whose custom resource owns the object.
const (
	ManagerGitOps     = "gitops"
	ManagerController = "controller"
)

// The annotations that a changed object carries, so that an action that was cut
// off can be told to have had its effect, and people see who it was.
const (
	AnnotationEventID   = "quench.dev/event-id"
	AnnotationFunction  = "quench.dev/function"
	AnnotationAlertname = "quench.dev/alertname"
	// AnnotationTraceParent is the trace's that the alert's event was in.
	AnnotationTraceParent = "quench.dev/traceparent"
)

// Result is what Apply did.
type Result struct {
	Reason  string   // a code in CamelCase; empty means Done
	Message string   // a sentence
	Objects []string // what was changed, in the form of Plan.Target
	// Object is one that was not there to be named by the Plan.
	Object *Object
}
