package trigger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/eventfilter"
	"knative.dev/eventing/pkg/eventfilter/attributes"
	"knative.dev/eventing/pkg/eventfilter/subscriptionsapi"
)

// Compile makes the filter of a Trigger, with the precedence of Knative's broker: spec.filters if it has any, otherwise
// spec.filter, otherwise everything passes. So spec.filter counts for nothing beside spec.filters.
//
// Knative's broker skips a filter that does not compile, and the Trigger then catches what that filter would have kept
// out; a CESQL expression that cannot be parsed makes it panic at every event. Here both are errors that name the field:
// a filter of no dialect (an empty object or list, an exact without attributes), of several, with an attribute name that
// no CloudEvent can have, with an empty value in exact, prefix or suffix, or with CESQL that cannot be parsed.
func Compile(t *eventingv1.Trigger) (*Filter, error) {
	switch {
	case len(t.Spec.Filters) > 0:
		children, err := compileAll(t.Spec.Filters, "spec.filters")
		if err != nil {
			return nil, fmt.Errorf("compile filter: %w", err)
		}
		return &Filter{root: all(children)}, nil
	case t.Spec.Filter != nil:
		if err := checkNames(t.Spec.Filter.Attributes); err != nil {
			return nil, fmt.Errorf("compile filter: spec.filter.attributes: %w", err)
		}
		return &Filter{root: attributes.NewAttributesFilter(t.Spec.Filter.Attributes)}, nil
	default:
		return &Filter{root: subscriptionsapi.NewNoFilter()}, nil
	}
}

func compileAll(filters []eventingv1.SubscriptionsAPIFilter, path string) ([]eventfilter.Filter, error) {
	children := make([]eventfilter.Filter, len(filters))
	for i, f := range filters {
		child, err := compileOne(f, fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, err
		}
		children[i] = child
	}
	return children, nil
}

func compileOne(f eventingv1.SubscriptionsAPIFilter, path string) (eventfilter.Filter, error) {
	switch dialects := dialectsOf(f); len(dialects) {
	case 1:
		return compileDialect(f, dialects[0], path+"."+dialects[0])
	case 0:
		return nil, fmt.Errorf("%s: no dialect (exact, prefix, suffix, all, any, not, cesql) with anything in it; "+
			"Knative skips such a filter", path)
	default:
		return nil, fmt.Errorf("%s: several dialects (%s), want one", path, strings.Join(dialects, ", "))
	}
}

func dialectsOf(f eventingv1.SubscriptionsAPIFilter) []string {
	var dialects []string
	for _, d := range []struct {
		name string
		set  bool
	}{
		{"exact", len(f.Exact) > 0},
		{"prefix", len(f.Prefix) > 0},
		{"suffix", len(f.Suffix) > 0},
		{"all", len(f.All) > 0},
		{"any", len(f.Any) > 0},
		{"not", f.Not != nil},
		{"cesql", f.CESQL != ""},
	} {
		if d.set {
			dialects = append(dialects, d.name)
		}
	}
	return dialects
}

func compileDialect(f eventingv1.SubscriptionsAPIFilter, dialect, path string) (eventfilter.Filter, error) {
	switch dialect {
	case "exact":
		return compileLeaf(f.Exact, subscriptionsapi.NewExactFilter, path)
	case "prefix":
		return compileLeaf(f.Prefix, subscriptionsapi.NewPrefixFilter, path)
	case "suffix":
		return compileLeaf(f.Suffix, subscriptionsapi.NewSuffixFilter, path)
	case "all":
		children, err := compileAll(f.All, path)
		return all(children), err
	case "any":
		children, err := compileAll(f.Any, path)
		return oneOf(children), err
	case "not":
		child, err := compileOne(*f.Not, path)
		return subscriptionsapi.NewNotFilter(child), err
	default:
		return compileCESQL(f.CESQL, path)
	}
}

func compileLeaf(attrs map[string]string, build func(map[string]string) (eventfilter.Filter, error), path string,
) (eventfilter.Filter, error) {
	if err := checkNames(attrs); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if attrs[name] == "" {
			return nil, fmt.Errorf("%s.%s: empty value; Knative skips such a filter", path, name)
		}
	}
	filter, err := build(attrs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return filter, nil
}

func checkNames(attrs map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if eventingv1.ValidateAttributesNames(map[string]string{name: ""}) != nil {
			return fmt.Errorf("attribute name %q: want a lower-case letter, then lower-case letters and digits", name)
		}
	}
	return nil
}

func compileCESQL(text, path string) (eventfilter.Filter, error) {
	// Knative's validation recovers from a parser that panics, its filter does not.
	if problem := eventingv1.ValidateCESQLExpression(context.Background(), text); problem != nil {
		if problem.Details == "" {
			return nil, fmt.Errorf("%s: parse %q: the parser panics on it", path, text)
		}
		return nil, fmt.Errorf("%s: parse %q: %s", path, text, strings.ReplaceAll(problem.Details, "\n", "; "))
	}
	filter, err := subscriptionsapi.NewCESQLFilter(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return expression{text: text, filter: filter}, nil
}
