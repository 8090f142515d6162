package trigger

import (
	"context"
	"fmt"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	"knative.dev/eventing/pkg/eventfilter"
	"knative.dev/eventing/pkg/eventfilter/attributes"
)

// Verdict is what a filter, or a part of one, says of an event.
type Verdict string

// The verdicts.
const (
	Yes    Verdict = "yes"
	No     Verdict = "no"
	Panics Verdict = "panic" // Knative's filter panics, so that the delivery fails
)

// Explanation is a part of a filter, what it says of an event, and why.
type Explanation struct {
	// Field is the part's place in the Trigger, such as spec.filters[0].any[1].exact.severity.
	Field string `json:"field"`
	// Asks says what the part wants, such as severity = "critical".
	Asks string `json:"asks"`
	// Sees is the value that decided: the attribute's, or that of the expression's operands. Empty for all, any and not,
	// whose parts say it.
	Sees string `json:"sees,omitempty"`
	// Says is the verdict.
	Says Verdict `json:"says"`
	// Unasked is true where the broker does not come to this part, because one before it has decided.
	Unasked bool           `json:"unasked,omitempty"`
	Parts   []*Explanation `json:"parts,omitempty"`

	kind string
}

// Explain says what each part of the filter makes of an event, which is seen after [AsDelivered]. The verdict of the
// whole is that of [Filter.Match]: yes for a match, no for none, panic for its error.
func (f *Filter) Explain(_ context.Context, e event.Event) *Explanation {
	return f.root.explain(quiet, AsDelivered(e), false) //nolint:contextcheck // filters ask it for a logger alone
}

func (n *node) explain(ctx context.Context, e event.Event, unasked bool) *Explanation {
	x := &Explanation{Field: n.path, Asks: n.text(), Unasked: unasked, kind: n.asks}
	x.Says, x.Sees = n.ask(ctx, e)
	switch n.asks {
	case asksCESQL:
		if x.Says != Panics {
			x.Parts = cesqlParts(n.value, n.path, e, unasked)
		}
		return x
	case exact, prefix, suffix, anyValue:
		x.Sees = sees(e, n.attribute)
		return x
	}
	decided := unasked
	for _, child := range n.children {
		part := child.explain(ctx, e, decided)
		x.Parts = append(x.Parts, part)
		decided = decided || part.Says == Panics || n.asks == asksAll && part.Says == No || n.asks == asksAny && part.Says == Yes
	}
	return x
}

// ask asks Knative's own filter of this part.
func (n *node) ask(ctx context.Context, e event.Event) (says Verdict, cause string) {
	defer func() {
		if panicked := recover(); panicked != nil {
			says, cause = Panics, fmt.Sprint(panicked)
		}
	}()
	if n.filter.Filter(ctx, e) == eventfilter.FailFilter {
		return No, ""
	}
	return Yes, ""
}

func (n *node) text() string {
	switch n.asks {
	case asksNothing:
		return "nothing: everything passes"
	case asksAll:
		return "all of"
	case asksAny:
		return "any of"
	case asksNot:
		return "not"
	case exact:
		return fmt.Sprintf("%s = %q", n.attribute, n.value)
	case prefix:
		return fmt.Sprintf("%s begins with %q", n.attribute, n.value)
	case suffix:
		return fmt.Sprintf("%s ends in %q", n.attribute, n.value)
	case anyValue:
		return n.attribute + " has any value"
	default:
		return strings.Join(strings.Fields(n.value), " ")
	}
}

// maxSeen is how much of a value an explanation shows, in characters.
const maxSeen = 200

// sees is an attribute's value as Knative's filters look it up.
func sees(e event.Event, name string) string {
	value, ok := attributes.LookupAttribute(e, name)
	if !ok {
		return "it is missing"
	}
	return "it is " + quoted(value)
}

func quoted(value any) string {
	text, ok := value.(string)
	if !ok {
		return fmt.Sprint(value)
	}
	if runes := []rune(text); len(runes) > maxSeen {
		return fmt.Sprintf("%q… (%d bytes)", string(runes[:maxSeen]), len(text))
	}
	return fmt.Sprintf("%q", text)
}

// Decides is the part that decided against the event: the first that says no, or that panics. Where nothing of several
// (any) says yes, or what must not be is (not), that is the part. It is nil for an event that matches.
func (x *Explanation) Decides() *Explanation {
	if x.Says == Yes {
		return nil
	}
	switch x.kind {
	case asksAll, logicAnd:
		for _, part := range x.Parts {
			if part.Says != Yes {
				return part.Decides()
			}
		}
	case asksAny, asksNot:
		for _, part := range x.Parts {
			if part.Says == Panics {
				return part.Decides()
			}
		}
	case asksCESQL:
		if len(x.Parts) == 1 && x.Says == No && x.Parts[0].Says == No {
			return x.Parts[0].Decides()
		}
	}
	return x
}
