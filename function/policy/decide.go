package policy

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Refusal is why a policy does not allow something.
type Refusal struct {
	Reason  string // a code in CamelCase
	Message string // a sentence
}

// The reason codes of refusals.
const (
	ReasonPaused           = "Paused"
	ReasonDisabled         = "Disabled"
	ReasonAlertNotAllowed  = "AlertNotAllowed"
	ReasonOutsideWindow    = "OutsideWindow"
	ReasonFrozen           = "Frozen"
	ReasonNamespace        = "NamespaceNotAllowed"
	ReasonProtected        = "NamespaceProtected"
	ReasonManagedElsewhere = "ManagedElsewhere"
)

// For is what the policy says of a function. A nil Policy is none: everything is
// allowed but what is protected always.
func (p *Policy) For(function string) Rules {
	if p == nil {
		return Rules{Enabled: true, Mode: Act, protected: alwaysProtected()}
	}
	r, ok := p.functions[function]
	if !ok {
		r = p.defaults
	}
	r.paused, r.reason = p.paused, p.reason
	if p.dryRun {
		r.Mode = DryRun
	}
	return r
}

// Admit says whether an alert with these labels may start the function now; nil
// when it may.
func (r Rules) Admit(labels map[string]string, now time.Time) *Refusal {
	switch {
	case r.paused:
		return refuse(ReasonPaused, "quench is paused by its policy%s", because(r.reason))
	case !r.Enabled:
		return refuse(ReasonDisabled, "the policy disables this function")
	case !r.startedBy(labels):
		return refuse(ReasonAlertNotAllowed, "the policy lets no such alert start this function: %s", r.alertTexts())
	}
	for _, w := range r.freezes {
		if w.includes(now) {
			return refuse(ReasonFrozen, "within the freeze window %s (%s)", w.text, w.zone)
		}
	}
	for _, w := range r.windows {
		if w.includes(now) {
			return nil
		}
	}
	if len(r.windows) > 0 {
		return refuse(ReasonOutsideWindow, "outside of every maintenance window; the next begins at %s", r.nextWindow(now))
	}
	return nil
}

// AdmitNamespace says whether an object in a namespace may be acted on. A cluster's
// own object, such as a node, is in none.
func (r Rules) AdmitNamespace(namespace string) *Refusal {
	if namespace == "" {
		return nil
	}
	for _, g := range r.protected {
		if match(g, namespace) {
			return refuse(ReasonProtected, "the policy protects namespace %s (%s)", namespace, g)
		}
	}
	for _, g := range r.allowed {
		if match(g, namespace) {
			return nil
		}
	}
	if len(r.allowed) > 0 {
		return refuse(ReasonNamespace, "the policy allows no action in namespace %s, only in %s", namespace, strings.Join(r.allowed, ", "))
	}
	return nil
}

// AdmitManaged says whether an object may be changed that a manager of this kind
// looks after.
func (r Rules) AdmitManaged(kind, name string) *Refusal {
	if r.managed[kind] {
		return nil
	}
	field := map[string]string{"gitops": "changeGitOps", "controller": "changeControlled"}[kind]
	return refuse(ReasonManagedElsewhere, "%s looks after it and would undo the change; the policy's %s: true has it changed all the same", name, field)
}

// String says the rules in one line, for people.
func (r Rules) String() string {
	var parts []string
	add := func(given bool, format string, args ...any) {
		if given {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(r.paused, "PAUSED%s", because(r.reason))
	add(!r.Enabled, "disabled")
	add(true, "%s", r.Mode)
	add(r.CoolDown > 0, "cool-down %s", r.CoolDown)
	add(r.MaxPerHour > 0, "at most %d an hour", r.MaxPerHour)
	add(r.MaxAtOnce > 0, "at most %d at once", r.MaxAtOnce)
	add(r.Breaker.Failures > 0, "stopped for %s after %d failures in a row", r.Breaker.Pause, r.Breaker.Failures)
	add(len(r.allowed) > 0, "only in namespaces %s", strings.Join(r.allowed, " "))
	add(len(r.protected) > 0, "never in namespaces %s", strings.Join(r.protected, " "))
	add(len(r.alerts) > 0, "only for alerts %s", r.alertTexts())
	for _, w := range r.windows {
		add(true, "only within %s (%s)", w.text, w.zone)
	}
	for _, w := range r.freezes {
		add(true, "never within %s (%s)", w.text, w.zone)
	}
	add(r.managed["gitops"], "changes what GitOps tools own")
	add(r.managed["controller"], "changes what custom resources own")
	return strings.Join(parts, "; ")
}

func (r Rules) startedBy(labels map[string]string) bool {
	set := make(model.LabelSet, len(labels))
	for k, v := range labels {
		set[model.LabelName(k)] = model.LabelValue(v)
	}
	for _, m := range r.alerts {
		if m.Matches(set) {
			return true
		}
	}
	return len(r.alerts) == 0
}

func (r Rules) alertTexts() string {
	texts := make([]string, len(r.alerts))
	for i, m := range r.alerts {
		texts[i] = m.text
	}
	return strings.Join(texts, " or ")
}

func (r Rules) nextWindow(now time.Time) string {
	var next time.Time
	for _, w := range r.windows {
		if t := w.schedule.Next(now.In(w.zone)); !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next.Format(time.RFC3339)
}

func refuse(reason, format string, args ...any) *Refusal {
	return &Refusal{reason, fmt.Sprintf(format, args...)}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// match is about a glob that was checked when it was parsed.
func match(glob, namespace string) bool {
	ok, _ := path.Match(glob, namespace)
	return ok
}
