package policy

import (
	"time"

	"github.com/robfig/cron/v3"
)

// Mode is what becomes of a plan.
type Mode string

// The modes: it is done; it is told as planned and done once somebody approves
// it; it is told as planned.
const (
	Act     Mode = "act"
	Propose Mode = "propose"
	DryRun  Mode = "dry-run"
)

// Policy is a whole policy. The zero Policy is what holds where there is none.
type Policy struct {
	paused    bool
	reason    string
	dryRun    bool
	defaults  Rules
	own       []string
	functions map[string]Rules
}

// Own are the functions that the policy names as the operators' own.
func (p *Policy) Own() []string { return p.own }

// Rules are what a policy says of one function, its defaults filled in.
type Rules struct {
	Enabled bool
	Mode    Mode

	CoolDown   time.Duration // since the last action on the same target
	MaxPerHour int           // 0: no limit
	MaxAtOnce  int           // 0: no limit
	Breaker    Breaker

	ApproveWithin time.Duration // how long a proposal may be approved

	allowed, protected []string // globs
	alerts             []alertMatchers
	windows, freezes   []window
	managed            map[string]bool // kinds of managers whose objects may be changed

	paused bool
	reason string
}

// Breaker stops a function whose actions fail.
type Breaker struct {
	Failures int // in a row; 0: never
	Pause    time.Duration
}

// window is a time that begins at each time of a cron expression.
type window struct {
	text     string
	schedule cron.Schedule
	duration time.Duration
	zone     *time.Location
}

// includes says whether now lies in the window: it has begun at most a duration
// ago. It begins at its first instant, and has ended at its last.
func (w window) includes(now time.Time) bool {
	now = now.In(w.zone)
	begun := w.schedule.Next(now.Add(-w.duration))
	return !begun.IsZero() && !begun.After(now)
}

// alwaysProtected are the namespaces that nothing is changed in unless a policy
// lists others: those of Kubernetes and of what quench runs on.
func alwaysProtected() []string { return []string{"kube-*", "knative-*"} }
