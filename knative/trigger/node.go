package trigger

import (
	"knative.dev/eventing/pkg/eventfilter"
	"knative.dev/eventing/pkg/eventfilter/subscriptionsapi"
)

// What a part of a filter asks of an event.
const (
	asksNothing = "nothing" // everything passes
	asksAll     = "all"     // each part says yes
	asksAny     = "any"     // one part says yes
	asksNot     = "not"     // its part says no
	exact       = "exact"   // the attribute is the value
	prefix      = "prefix"  // the attribute begins with the value
	suffix      = "suffix"  // the attribute ends in the value
	anyValue    = "exists"  // the attribute is there and not empty: spec.filter with an empty value
	asksCESQL   = "cesql"   // the value, an expression, is true
)

// node is one part of a filter, with what Knative's broker makes of it. Matching asks the root's filter alone; the rest is
// there to explain.
type node struct {
	path      string // the field in the Trigger
	asks      string
	attribute string // of exact, prefix, suffix, exists
	value     string // of those, or the expression
	filter    eventfilter.Filter
	children  []*node
}

func newAll(children []*node, path string) *node {
	n := &node{path: path, asks: asksAll, filter: all(filtersOf(children)), children: children}
	return n.simple()
}

func newAny(children []*node, path string) *node {
	return &node{path: path, asks: asksAny, filter: oneOf(filtersOf(children)), children: children}
}

func newNot(child *node, path string) *node {
	if child == nil {
		return nil
	}
	return &node{path: path, asks: asksNot, filter: subscriptionsapi.NewNotFilter(child.filter), children: []*node{child}}
}

// simple is the only part of an all, which says what it says.
func (n *node) simple() *node {
	if len(n.children) == 1 && n.children[0] != nil {
		return n.children[0]
	}
	return n
}

func filtersOf(nodes []*node) []eventfilter.Filter {
	filters := make([]eventfilter.Filter, len(nodes))
	for i, n := range nodes {
		filters[i] = n.filter
	}
	return filters
}
