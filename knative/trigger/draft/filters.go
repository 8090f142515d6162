package draft

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/prometheus/common/model"

	"github.com/quench-dev/quench/adapter/alert"
)

// filters are those for the type, then those for the rules.
func (d *Draft) filters(o Options) ([]filter, error) {
	firing, resolved := alert.TypeFiring, alert.TypeResolved
	if o.Groups {
		firing, resolved = alert.TypeGroupFiring, alert.TypeGroupResolved
		d.note("whole notifications: the adapter sends them where GROUP_EVENTS=true is set; they have the labels that all their alerts have in common")
	}
	types := exactly("type", firing)
	if !o.Firing {
		types = filter{Any: []filter{types, exactly("type", resolved)}}
	}
	var rules [][]filter
	var errs []error
	for _, r := range o.Rules {
		filters, err := d.rule(o, r)
		errs = append(errs, err)
		if !slices.ContainsFunc(rules, func(other []filter) bool { return reflect.DeepEqual(other, filters) }) {
			rules = append(rules, filters)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(rules) == 1 {
		return append([]filter{types}, rules[0]...), nil
	}
	var each []filter
	for _, filters := range rules {
		switch len(filters) {
		case 0:
			return []filter{types}, nil // one of them is for any alert
		case 1:
			each = append(each, filters[0])
		default:
			each = append(each, filter{All: filters})
		}
	}
	return []filter{types, {Any: each}}, nil
}

func exactly(attribute, value string) filter {
	return filter{Exact: map[string]string{attribute: value}}
}

// rule are the filters of one rule, of which all have to pass. What is compared exactly stands first, in one.
func (d *Draft) rule(o Options, r Rule) ([]filter, error) {
	matchers := slices.Clone(r.Matchers)
	var filters []filter
	if len(r.Alerts) > 0 {
		name, err := d.attribute(o, model.AlertNameLabel)
		if err != nil {
			return nil, err
		}
		l := language{whole: true}
		for _, a := range r.Alerts {
			l.texts = append(l.texts, text(a))
		}
		f, _, whole := l.unique().passing(name, true)
		if !whole {
			d.note("alert names are compared as attributes hold them: without blanks at the ends, cut at %d bytes", alert.MaxValueBytes)
		}
		if f != nil {
			filters = append(filters, *f)
		}
	}
	for _, m := range matchers {
		name, err := d.attribute(o, m.Label)
		if err != nil {
			return nil, err
		}
		f, whole, err := m.filter(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		if f != nil {
			filters = append(filters, *f)
		}
		if !whole && !slices.Contains(d.Kept, m) {
			d.Kept = append(d.Kept, m)
		}
	}
	return joined(filters), nil
}

// joined puts what is compared exactly into one filter, except where an attribute has two values.
func joined(filters []filter) []filter {
	first := map[string]string{}
	var rest []filter
	for _, f := range filters {
		clash := len(f.Exact) == 0
		for name := range f.Exact {
			_, taken := first[name]
			clash = clash || taken
		}
		if clash {
			rest = append(rest, f)
			continue
		}
		maps.Copy(first, f.Exact)
	}
	if len(first) == 0 {
		return rest
	}
	return append([]filter{{Exact: first}}, rest...)
}

// attribute is the one that a label becomes. Another name than the label's is noted.
func (d *Draft) attribute(o Options, label string) (string, error) {
	name, ok := o.Mapping.Attribute(label)
	if !ok {
		return "", fmt.Errorf("label %q: becomes no attribute, so no filter can ask for it; functions see it in the event's data", label)
	}
	if name != label {
		d.note("the label %s is the attribute %s", label, name)
	}
	return name, nil
}
