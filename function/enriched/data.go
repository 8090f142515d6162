package enriched

import "time"

// Data is the event's data, in JSON, but for its last member: "alert", the alert
// event's own data, byte for byte.
type Data struct {
	EventID string `json:"eventId"` // the alert event's
	// Target is the object that the alert is about, the topmost that owns the pod, as
	// group/version/resource/namespace/name: apps/v1/deployments/shop/frontend.
	Target string `json:"target,omitempty"`
	// Reason is what is wrong, in one code of Kubernetes's own where there is one:
	// ImagePullBackOff, OOMKilled, Unschedulable, … Empty where nothing was seen.
	Reason string `json:"reason,omitempty"`
	// Message says it in a sentence, with the container's or the object's name.
	Message    string      `json:"message,omitempty"`
	Pod        *Pod        `json:"pod,omitempty"`
	Containers []Container `json:"containers,omitempty"` // the pod's, init containers first
	Events     []Event     `json:"events,omitempty"`     // the newest first
	Logs       []Log       `json:"logs,omitempty"`
	Owner      *Owner      `json:"owner,omitempty"`
	Rollout    *Rollout    `json:"rollout,omitempty"`
	Node       *Node       `json:"node,omitempty"`
	Suggestion *Suggestion `json:"suggestion,omitempty"`
	Missing    []Missing   `json:"missing,omitempty"`
}

// Pod is the alert's own pod or, where it names none, the one of its object's that
// is worst off.
type Pod struct {
	Namespace  string      `json:"namespace"`
	Name       string      `json:"name"`
	Phase      string      `json:"phase"`            // Pending, Running, Succeeded, Failed, Unknown
	Reason     string      `json:"reason,omitempty"` // such as Evicted
	Message    string      `json:"message,omitempty"`
	Node       string      `json:"node,omitempty"` // empty: on none yet
	Restarts   int32       `json:"restarts"`       // of all containers together
	CreatedAt  *time.Time  `json:"createdAt,omitempty"`
	DeletedAt  *time.Time  `json:"deletedAt,omitempty"`  // it is going
	Conditions []Condition `json:"conditions,omitempty"` // those that do not hold: PodScheduled, Ready, …
}

// Container is one container of the pod.
type Container struct {
	Name     string     `json:"name"`
	Init     bool       `json:"init,omitempty"`
	Image    string     `json:"image,omitempty"`
	Ready    bool       `json:"ready"`
	Restarts int32      `json:"restarts"`
	State    string     `json:"state"`            // waiting, running, terminated
	Reason   string     `json:"reason,omitempty"` // why it waits or ended: CrashLoopBackOff, Error
	Message  string     `json:"message,omitempty"`
	ExitCode *int32     `json:"exitCode,omitempty"` // where it has ended
	Since    *time.Time `json:"since,omitempty"`    // when it began to run, or ended
	Last     *Ended     `json:"last,omitempty"`     // how the run before this one ended
}

// Ended is how a container's run ended.
type Ended struct {
	Reason     string     `json:"reason,omitempty"` // Error, OOMKilled, Completed
	Message    string     `json:"message,omitempty"`
	ExitCode   int32      `json:"exitCode"`
	Signal     int32      `json:"signal,omitempty"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
}

// Event is a Kubernetes Event about the pod, its owner or the node.
type Event struct {
	Type    string     `json:"type"`   // Normal or Warning
	Reason  string     `json:"reason"` // such as FailedScheduling
	Message string     `json:"message,omitempty"`
	Object  string     `json:"object"` // for people, as in: Pod shop/frontend-1
	Count   int32      `json:"count"`
	First   *time.Time `json:"firstSeen,omitempty"`
	Last    *time.Time `json:"lastSeen,omitempty"`
}

// Log is the end of a container's log, secrets masked.
type Log struct {
	Container string `json:"container"`
	Previous  bool   `json:"previous,omitempty"` // of the run before this one
	Text      string `json:"text"`
	Truncated bool   `json:"truncated,omitempty"` // there is more, before it
}

// Owner is the topmost object that owns the pod, or that the alert names.
type Owner struct {
	Kind       string      `json:"kind"`
	Namespace  string      `json:"namespace,omitempty"`
	Name       string      `json:"name"`
	ManagedBy  []string    `json:"managedBy,omitempty"`  // for people, as in: Argo CD application shop
	Conditions []Condition `json:"conditions,omitempty"` // Progressing, Available; a Job's Failed
}

// The states of a Rollout.
const (
	RolloutComplete    = "complete"    // every pod is of the newest revision, and available
	RolloutProgressing = "progressing" // under way
	RolloutStuck       = "stuck"       // its progress deadline has passed
	RolloutPaused      = "paused"
	RolloutUnavailable = "unavailable" // every pod is of the newest revision, but not all are available
)

// Rollout is how far a Deployment, StatefulSet or DaemonSet has got. The numbers
// are of pods.
type Rollout struct {
	State     string `json:"state"`
	Revision  string `json:"revision,omitempty"` // the newest: a Deployment's number, another's revision name
	Desired   int32  `json:"desired"`
	Updated   int32  `json:"updated"`
	Ready     int32  `json:"ready"`
	Available int32  `json:"available"`
}

// Node is the one that the pod is on, or that the alert names.
type Node struct {
	Name       string      `json:"name"`
	Cordoned   bool        `json:"cordoned,omitempty"`
	Taints     []string    `json:"taints,omitempty"` // as kubectl writes them: key=value:Effect
	Conditions []Condition `json:"conditions,omitempty"`
}

// Condition is one of an object's conditions.
type Condition struct {
	Type    string     `json:"type"`
	Status  string     `json:"status"` // True, False, Unknown
	Reason  string     `json:"reason,omitempty"`
	Message string     `json:"message,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
}

// Suggestion is what a rule says of such an alert.
type Suggestion struct {
	// Action is a short name of what to do; where it is a function's name, such as
	// rollback, the function of this name does it for alerts that ask for it.
	Action  string `json:"action,omitempty"`
	Text    string `json:"text,omitempty"`    // sentences for people
	Runbook string `json:"runbook,omitempty"` // a link; the alert's own runbook_url, where it has one
}

// Missing is a part that could not be had, by its name in the data: target, pod,
// events, logs, owner, rollout, node.
type Missing struct {
	Part string `json:"part"`
	Why  string `json:"why"`
}
