package lint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/trigger"
)

// finds says whether some event passes the filter, and whether it is sure where none was found.
func (l *linter) finds(ctx context.Context, f *trigger.Filter, p *space, given map[string][]string) (found, sure bool) {
	_, found, sure = l.find(ctx, f, p, given)
	return found, sure
}

// find is finds with the event.
func (l *linter) find(ctx context.Context, f *trigger.Filter, p *space, given map[string][]string) (e event.Event, found, sure bool) {
	complete := p.each(given, func(values map[string]string) bool {
		e = p.event(values)
		found, _ = f.Match(ctx, e)
		return !found
	})
	return e, found, complete && !p.free
}

// neverTrue finds filters that no event can pass: one alone, or all together.
func (l *linter) neverTrue(ctx context.Context, s *subject) {
	e, found, sure := l.find(ctx, s.filter, s.space, nil)
	if found {
		s.caught = &e
	}
	if found || !sure {
		return
	}
	for i := range s.trigger.Spec.Filters {
		alone := s.trigger.DeepCopy()
		alone.Spec.Filters = alone.Spec.Filters[i : i+1]
		f, err := trigger.Compile(alone) //nolint:contextcheck // as in filters
		if err != nil {
			continue
		}
		if found, sure := l.finds(ctx, f, spaceOf(alone), nil); !found && sure {
			s.never(fmt.Sprintf("spec.filters[%d]", i), "no event can pass it")
			return
		}
	}
	if len(s.trigger.Spec.Filters) == 0 {
		s.never("spec.filter", "no event can pass it")
		return
	}
	s.never("spec.filters", "all of them have to pass, and no event can pass all")
}

// never reports it, with the value that no attribute can hold, if that is why.
func (s *subject) never(field, why string) {
	instead := "any: where one of several values is enough"
	for _, name := range sorted(s.space.literals) {
		for _, v := range s.space.literals[name] {
			if held := alert.AttributeValue(v); held != v && !fixed[name] {
				why += fmt.Sprintf(": %q is no value that %s can have, since blanks at the ends go, control characters become blanks, and it is cut at %d bytes",
					short(v), name, alert.MaxValueBytes)
				instead = fmt.Sprintf("%s: %q", name, short(held))
			}
		}
	}
	s.report("never-true", field, instead, "%s", why)
}

func short(v string) string {
	if len(v) > 60 {
		return v[:60] + "…"
	}
	return v
}

// loops finds Triggers that say nothing of the type: they catch alerts, and what functions answer to these.
func (l *linter) loops(ctx context.Context, s *subject) {
	meant := slices.ContainsFunc(s.space.literals["type"], func(t string) bool {
		return slices.ContainsFunc(answers, func(a string) bool { return strings.HasPrefix(a, t) || strings.HasSuffix(a, t) })
	})
	if meant {
		return
	}
	fromAlerts := map[string][]string{"type": alerts}
	for _, name := range answered {
		fromAlerts[name] = []string{""}
	}
	if found, _ := l.finds(ctx, s.filter, s.space, fromAlerts); !found {
		return
	}
	for _, t := range answers {
		if found, _ := l.finds(ctx, s.filter, s.space, map[string][]string{"type": {t}}); found {
			field := "spec.filters"
			if len(s.trigger.Spec.Filters) == 0 {
				field = "spec.filter"
			}
			s.report("loop", field, "a filter on the type: any: [{ exact: { type: "+alert.TypeFiring+" } }, { exact: { type: "+alert.TypeResolved+" } }]",
				"it catches %s, too: what functions answer has the alert's labels. A subscriber that answers this with an event is called until the broker's 255 hops are used up", t)
			return
		}
	}
}

// siblings finds Triggers whose events another one brings to the same subscriber.
func (l *linter) siblings(ctx context.Context) {
	for i, a := range l.subjects {
		for _, b := range l.subjects[i+1:] {
			if !alike(a, b) {
				continue
			}
			within, around := l.within(ctx, a, b), l.within(ctx, b, a)
			switch {
			case around:
				b.swallowed(a, within)
			case within:
				a.swallowed(b, false)
			}
		}
	}
}

func (s *subject) swallowed(by *subject, same bool) {
	what := "all that it catches"
	if same {
		what = "just what it catches"
	}
	s.report("swallowed", "spec.subscriber", "one Trigger for both", "%s (%s) brings %s to the same subscriber: each of these events comes twice", by.name, by.where(), what)
}

// alike says whether two Triggers have a Broker and a subscriber in common, and filters that can be reasoned about.
func alike(a, b *subject) bool {
	if a.filter == nil || b.filter == nil || a.space.free || b.space.free || a.name == b.name {
		return false
	}
	if a.has("never-true", "cesql-not-boolean", "no-such-attribute") || b.has("never-true", "cesql-not-boolean", "no-such-attribute") {
		return false
	}
	return brokerOf(a.trigger) == brokerOf(b.trigger) && subscriberOf(a.trigger) == subscriberOf(b.trigger)
}

// within says whether every event that a catches is caught by b, too; not if it cannot be sure.
func (l *linter) within(ctx context.Context, a, b *subject) bool {
	if a.caught != nil {
		if other, _ := b.filter.Match(ctx, *a.caught); !other {
			return false // as it is for most, at once
		}
	}
	escaped := false
	both := a.space.with(b.space)
	complete := both.each(nil, func(values map[string]string) bool {
		e := both.event(values)
		caught, _ := a.filter.Match(ctx, e)
		if !caught {
			return true
		}
		other, _ := b.filter.Match(ctx, e)
		escaped = !other
		return other
	})
	return complete && !escaped && !both.free
}

func brokerOf(t *eventingv1.Trigger) Reference {
	r := Reference{Group: group, Kind: "Broker", Namespace: t.Namespace, Name: t.Spec.Broker}
	if ref := t.Spec.BrokerRef; ref != nil {
		r.Name = ref.Name
		if ref.Namespace != "" {
			r.Namespace = ref.Namespace
		}
	}
	return r
}

func subscriberOf(t *eventingv1.Trigger) string {
	d := t.Spec.Subscriber
	text := ""
	if d.Ref != nil {
		text = d.Ref.APIVersion + " " + d.Ref.Kind + " " + d.Ref.Namespace + "/" + d.Ref.Name
	}
	if d.URI != nil {
		text += " " + d.URI.String()
	}
	return text
}
