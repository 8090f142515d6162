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
		return &Filter{root: newAll(children, "spec.filters")}, nil
	case t.Spec.Filter != nil:
		if err := checkNames(t.Spec.Filter.Attributes); err != nil {
			return nil, fmt.Errorf("compile filter: spec.filter.attributes: %w", err)
		}
		return &Filter{root: legacy(t.Spec.Filter.Attributes)}, nil
	default:
		return &Filter{root: &node{path: "spec", asks: asksNothing, filter: subscriptionsapi.NewNoFilter()}}, nil
	}
}

func compileAll(filters []eventingv1.SubscriptionsAPIFilter, path string) ([]*node, error) {
	children := make([]*node, len(filters))
	for i, f := range filters {
		child, err := compileOne(f, fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, err
		}
		children[i] = child
	}
	return children, nil
}

func compileOne(f eventingv1.SubscriptionsAPIFilter, path string) (*node, error) {
	switch dialects := Dialects(&f); len(dialects) {
	case 1:
		return compileDialect(f, dialects[0], path+"."+dialects[0])
	case 0:
		return nil, fmt.Errorf("%s: no dialect (exact, prefix, suffix, all, any, not, cesql) with anything in it; "+
			"Knative skips such a filter", path)
	default:
		return nil, fmt.Errorf("%s: several dialects (%s), want one", path, strings.Join(dialects, ", "))
	}
}

// Dialects are the dialects that a filter has something in, by their names in YAML: one, in a filter that compiles.
func Dialects(f *eventingv1.SubscriptionsAPIFilter) []string {
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

func compileDialect(f eventingv1.SubscriptionsAPIFilter, dialect, path string) (*node, error) {
	switch dialect {
	case "exact":
		return compileLeaf(f.Exact, exact, subscriptionsapi.NewExactFilter, path)
	case "prefix":
		return compileLeaf(f.Prefix, prefix, subscriptionsapi.NewPrefixFilter, path)
	case "suffix":
		return compileLeaf(f.Suffix, suffix, subscriptionsapi.NewSuffixFilter, path)
	case "all":
		children, err := compileAll(f.All, path)
		return newAll(children, path), err
	case "any":
		children, err := compileAll(f.Any, path)
		return newAny(children, path), err
	case "not":
		child, err := compileOne(*f.Not, path)
		return newNot(child, path), err
	default:
		return compileCESQL(f.CESQL, path)
	}
}

// compileLeaf makes the filter as Knative's broker does, and one for each attribute alone, which Explain asks.
func compileLeaf(attrs map[string]string, asks string, build func(map[string]string) (eventfilter.Filter, error), path string,
) (*node, error) {
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
	whole := &node{path: path, asks: asksAll, filter: filter}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		one, err := build(map[string]string{name: attrs[name]})
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", path, name, err)
		}
		whole.children = append(whole.children, &node{path: path + "." + name, asks: asks, attribute: name, value: attrs[name], filter: one})
	}
	return whole.simple(), nil
}

// legacy is spec.filter: every attribute exactly, where an empty value asks for any but an empty one.
func legacy(attrs map[string]string) *node {
	const path = "spec.filter.attributes"
	if len(attrs) == 0 {
		return &node{path: path, asks: asksNothing, filter: attributes.NewAttributesFilter(attrs)}
	}
	whole := &node{path: path, asks: asksAll, filter: attributes.NewAttributesFilter(attrs)}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		one := &node{
			path: path + "." + name, asks: exact, attribute: name, value: attrs[name],
			filter: attributes.NewAttributesFilter(map[string]string{name: attrs[name]}),
		}
		if attrs[name] == eventingv1.TriggerAnyFilter {
			one.asks = anyValue
		}
		whole.children = append(whole.children, one)
	}
	return whole.simple()
}

func checkNames(attrs map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if eventingv1.ValidateAttributesNames(map[string]string{name: ""}) != nil {
			return fmt.Errorf("attribute name %q: want a lower-case letter, then lower-case letters and digits", name)
		}
	}
	return nil
}

func compileCESQL(text, path string) (*node, error) {
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
	return &node{path: path, asks: asksCESQL, value: text, filter: expression{text: text, filter: filter}}, nil
}
