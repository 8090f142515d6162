package lint

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"github.com/quench-dev/quench/knative/trigger"
)

// filters looks at what a Trigger catches.
func (l *linter) filters(ctx context.Context, s *subject) {
	spec := &s.trigger.Spec
	if spec.Filter != nil {
		l.attributes(s, "spec.filter.attributes", spec.Filter.Attributes, legacy)
		if len(spec.Filters) > 0 && len(spec.Filter.Attributes) > 0 {
			s.report("filter-ignored", "spec.filter", "all of it in filters, such as exact: "+flow(spec.Filter.Attributes),
				"the broker looks at filters alone where there are any")
		}
	}
	l.each(ctx, s, "spec.filters", spec.Filters)
	l.admit(ctx, s)
	filter, err := trigger.Compile(s.trigger) //nolint:contextcheck // it asks nobody; Knative wants a context for its log
	if err != nil {
		return // it was said why
	}
	s.filter, s.space = filter, spaceOf(s.trigger)
	if s.has("cesql-not-boolean", "no-such-attribute") {
		return
	}
	l.neverTrue(ctx, s)
	l.loops(ctx, s)
}

// kind of comparison with a value.
type comparison string

const (
	legacy comparison = "filter"
	exact  comparison = "exact"
	prefix comparison = "prefix"
	suffix comparison = "suffix"
)

func (l *linter) each(ctx context.Context, s *subject, path string, filters []eventingv1.SubscriptionsAPIFilter) {
	for i := range filters {
		l.one(ctx, s, fmt.Sprintf("%s[%d]", path, i), &filters[i])
	}
}

func (l *linter) one(ctx context.Context, s *subject, path string, f *eventingv1.SubscriptionsAPIFilter) {
	switch dialects := trigger.Dialects(f); len(dialects) {
	case 0:
		s.report("empty-filter", path, "a filter with something in it, or none", "nothing is in it: the broker skips it, so that it keeps nothing out")
		return
	case 1:
	default:
		s.report("several-dialects", path, "a list item for each: all of them have to pass", "%s in one filter", strings.Join(dialects, " and "))
	}
	l.attributes(s, path+".exact", f.Exact, exact)
	l.attributes(s, path+".prefix", f.Prefix, prefix)
	l.attributes(s, path+".suffix", f.Suffix, suffix)
	l.each(ctx, s, path+".all", f.All)
	l.each(ctx, s, path+".any", f.Any)
	if f.Not != nil {
		l.one(ctx, s, path+".not", f.Not)
	}
	if f.CESQL != "" {
		l.cesql(ctx, s, path+".cesql", f.CESQL)
	}
}

// attributes looks at one map of names and values.
func (l *linter) attributes(s *subject, path string, values map[string]string, c comparison) {
	for _, name := range sorted(values) {
		field, value := path+"."+name, values[name]
		if !l.named(s, field, name) {
			continue
		}
		switch {
		case value == "" && c == legacy: // any value, as Knative documents it
		case value == "":
			s.report("empty-value", field, fmt.Sprintf("cesql: EXISTS %s, or cesql: NOT (EXISTS %[1]s)", name),
				"an empty value: the broker skips the whole filter, so that it keeps nothing out")
		case name == "type":
			l.emitted(s, field, value, c)
		default:
			if pattern.MatchString(value) {
				s.report("literal-pattern", field, instead(name, value), "%q is compared as it stands: filters know no regular expressions and no wildcards", value)
			}
		}
	}
}

// pattern is what hardly is part of a value.
var pattern = regexp.MustCompile(`\.[*+]|[^ ]\|[^ ]|^\^|\$$|\*$|\[[^\]]+-[^\]]+\]|\\[dws.]`)

// instead is the dialect for a pattern, where there is a simple one.
func instead(name, value string) string {
	inner := strings.TrimSuffix(strings.TrimPrefix(value, "^"), "$")
	plain := func(s string) bool { return s != "" && regexp.QuoteMeta(s) == s }
	if head := strings.TrimSuffix(strings.TrimSuffix(inner, "*"), "."); head != inner && plain(head) {
		return fmt.Sprintf("prefix: { %s: %s }", name, head)
	}
	if tail := strings.TrimPrefix(inner, ".*"); tail != inner && plain(tail) {
		return fmt.Sprintf("suffix: { %s: %s }", name, tail)
	}
	if words := strings.Split(strings.Trim(inner, "()"), "|"); len(words) > 1 {
		return "any: with an exact for each of " + strings.Join(words, ", ")
	}
	return "prefix, suffix, or any with several; quench trigger new --label '" + name + "=~\"…\"' finds the nearest"
}

// flow is a map as YAML writes it on a line.
func flow(values map[string]string) string {
	var parts []string
	for _, name := range sorted(values) {
		parts = append(parts, fmt.Sprintf("%s: %q", name, values[name]))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}
