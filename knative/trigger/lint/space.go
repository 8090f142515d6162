package lint

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"github.com/quench-dev/quench/adapter/alert"
)

// maxTries bounds how many events are tried for one question.
const maxTries = 20_000

// space is the events that a filter can tell apart. Comparisons with a value, a beginning and an end divide the values of
// an attribute into classes; one of each is enough to know what the filter does with all of them, and for each attribute
// that it is missing.
type space struct {
	names                 map[string]bool
	exact, prefix, suffix values
	literals              values // of all three
	// free says that the filter asks more than comparisons, so that there may be classes without a value here.
	free bool
}

// values are those of attributes.
type values map[string][]string

func (v values) add(name, value string) {
	if !slices.Contains(v[name], value) {
		v[name] = append(v[name], value)
	}
}

func newSpace() *space {
	return &space{names: map[string]bool{}, exact: values{}, prefix: values{}, suffix: values{}, literals: values{}}
}

// required are the attributes that every event has.
var required = map[string]bool{"id": true, "source": true, "type": true}

// fixed are attributes whose values are not free to choose; a filter on one of them is not reasoned about.
var fixed = map[string]bool{"specversion": true, "time": true, "datacontenttype": true, "dataschema": true, "datamediatype": true}

func (p *space) name(name string) {
	p.names[name] = true
	p.free = p.free || fixed[name]
}

// spaceOf is that of a Trigger, whose filter need not compile.
func spaceOf(t *eventingv1.Trigger) *space {
	p := newSpace()
	if len(t.Spec.Filters) > 0 {
		p.filters(t.Spec.Filters)
	} else if t.Spec.Filter != nil {
		p.compare(p.exact, t.Spec.Filter.Attributes)
	}
	for _, of := range []values{p.exact, p.prefix, p.suffix} {
		for name, all := range of {
			for _, v := range all {
				p.literals.add(name, v)
			}
		}
	}
	return p
}

func (p *space) filters(filters []eventingv1.SubscriptionsAPIFilter) {
	for i := range filters {
		f := &filters[i]
		p.compare(p.exact, f.Exact)
		p.compare(p.prefix, f.Prefix)
		p.compare(p.suffix, f.Suffix)
		p.filters(f.All)
		p.filters(f.Any)
		if f.Not != nil {
			p.filters([]eventingv1.SubscriptionsAPIFilter{*f.Not})
		}
		if parses(f.CESQL) {
			p.expression(f.CESQL)
		}
	}
}

func (p *space) compare(with values, attributes map[string]string) {
	for name, value := range attributes {
		p.name(name)
		if value != "" {
			with.add(name, value)
		}
	}
}

// with is the space that two filters tell apart together.
func (p *space) with(other *space) *space {
	both := newSpace()
	for _, one := range []*space{p, other} {
		maps.Copy(both.names, one.names)
		both.free = both.free || one.free
		for _, pair := range [][2]values{{both.exact, one.exact}, {both.prefix, one.prefix}, {both.suffix, one.suffix}} {
			for name, all := range pair[1] {
				for _, v := range all {
					pair[0].add(name, v)
				}
			}
		}
	}
	return both
}

// classes are one value of each class of an attribute's values; the empty one is the attribute missing. A beginning and
// an end with a letter in between that stands in no value are in the class of just these two.
func (p *space) classes(name string) []string {
	letter, ok := unused(slices.Concat(p.exact[name], p.prefix[name], p.suffix[name]))
	p.free = p.free || !ok
	all := slices.Clone(p.exact[name])
	for _, head := range append([]string{""}, p.prefix[name]...) {
		for _, tail := range append([]string{""}, p.suffix[name]...) {
			all = append(all, head+letter+tail)
		}
	}
	// What no attribute can hold is never asked for.
	all = slices.DeleteFunc(all, func(v string) bool { return v == "" || alert.AttributeValue(v) != v })
	if !required[name] {
		all = append(all, "")
	}
	return all
}

func unused(texts []string) (letter string, ok bool) {
	joined := strings.Join(texts, "")
	for _, c := range "zqxjkvwybpgfmucldrhsnioateZQXJKVWYBPGFMUCLDRHSNIOATE0123456789" {
		if !strings.ContainsRune(joined, c) {
			return string(c), true
		}
	}
	return "z", false
}

// each calls visit with the values of every combination of classes, until it returns false. An attribute that given has
// has only those values. It says whether it came to the end; of too many combinations it tries as many as it may.
func (p *space) each(given map[string][]string, visit func(map[string]string) bool) (complete bool) {
	names := sorted(p.names)
	for name := range given {
		if !p.names[name] {
			names = append(names, name)
		}
	}
	classes := make([][]string, len(names))
	for i, name := range names {
		if classes[i] = p.classes(name); given[name] != nil {
			classes[i] = given[name]
		}
		if len(classes[i]) == 0 {
			return true
		}
	}
	at := make([]int, len(names))
	current := make(map[string]string, len(names))
	for range maxTries {
		for i, name := range names {
			current[name] = classes[i][at[i]]
		}
		if !visit(current) {
			return false
		}
		i := len(at) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < len(classes[i]) {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return true
		}
	}
	return false
}

// event is one with these attributes; an empty value is a missing attribute.
func (p *space) event(values map[string]string) event.Event {
	e := event.New()
	e.SetID("1")
	e.SetSource("/alertmanager/default")
	e.SetType(alert.TypeFiring)
	e.SetTime(time.Unix(1_800_000_000, 0).UTC())
	for name, v := range values {
		switch {
		case v == "" || fixed[name]:
		case name == "id":
			e.SetID(v)
		case name == "source":
			e.SetSource(v)
		case name == "type":
			e.SetType(v)
		case name == "subject":
			e.SetSubject(v)
		default:
			e.SetExtension(name, v)
		}
	}
	return e
}
