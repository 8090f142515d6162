package lint

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	cesqlparser "github.com/cloudevents/sdk-go/sql/v2/parser"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"github.com/quench-dev/quench/adapter/alert"
)

var (
	quoted     = regexp.MustCompile(`'(\\'|[^'])*'|"(\\"|[^"])*"`)
	underscore = regexp.MustCompile(`[A-Za-z][A-Za-z0-9]*_[A-Za-z0-9_]*`)
)

// cesql looks at a CESQL expression.
func (l *linter) cesql(ctx context.Context, s *subject, field, text string) {
	if problem := eventingv1.ValidateCESQLExpression(ctx, text); problem != nil {
		instead := "attribute = 'value', LIKE 'pattern%', IN ('a', 'b'), EXISTS attribute, joined by AND, OR, NOT"
		if label := underscore.FindString(quoted.ReplaceAllString(text, "")); label != "" {
			instead = l.becomes(label)
		}
		why := strings.ReplaceAll(problem.Details, "\n", "; ")
		if why == "" {
			why = "the parser panics on it"
		}
		s.report("cesql-syntax", field, instead, "%q: %s", text, why)
		return
	}
	p := newSpace()
	p.expression(text)
	for _, name := range sorted(p.names) {
		l.named(s, field, name)
	}
	for _, t := range p.exact["type"] {
		l.emitted(s, field, t, exact)
	}
	for _, t := range p.prefix["type"] {
		l.emitted(s, field, t, prefix)
	}
	for _, t := range p.suffix["type"] {
		l.emitted(s, field, t, suffix)
	}
	l.values(s, field, text, p)
}

// values evaluates the expression, with Knative's own evaluator, for all values that could make a difference.
func (l *linter) values(s *subject, field, text string, p *space) {
	parsed, err := cesqlparser.Parse(text)
	if err != nil {
		return // it was validated
	}
	missing := map[string]bool{}
	kind := ""
	p.each(nil, func(values map[string]string) bool {
		v, err := parsed.Evaluate(p.event(values))
		if _, ok := v.(bool); !ok && err == nil {
			kind = map[bool]string{true: "a text", false: "a number"}[fmt.Sprintf("%T", v) == "string"]
			return false
		}
		if err != nil || v != any(true) || p.free {
			return true
		}
		// It is true: also without the attributes that have a value which it does not name?
		for name, value := range values {
			if !p.unnamed(name, value) {
				continue
			}
			values[name] = ""
			if _, err := parsed.Evaluate(p.event(values)); err != nil {
				missing[name] = true
			}
			values[name] = value
		}
		return true
	})
	if kind != "" {
		s.report("cesql-not-boolean", field, "a comparison, such as severity = 'critical' or EXISTS severity",
			"%q is %s, not true or false: the broker's filter panics at every event, and what the Trigger should get is lost", text, kind)
		return
	}
	for _, name := range sorted(missing) {
		s.report("cesql-missing", field, fmt.Sprintf("not: or any: with a filter for each part, or NOT (EXISTS %s) OR …, or EXISTS %[1]s AND … if this is meant", name),
			"%q is true for other values of %s, but not where an event has no %[2]s: what is missing makes the whole expression false", text, name)
	}
}

// named by the expression's comparisons, a value makes a difference of its own.
func (p *space) unnamed(name, value string) bool {
	if value == "" || required[name] || alert.Reserved(name) {
		return false
	}
	for _, v := range p.exact[name] {
		if v == value {
			return false
		}
	}
	for _, v := range p.prefix[name] {
		if strings.HasPrefix(value, v) {
			return false
		}
	}
	for _, v := range p.suffix[name] {
		if strings.HasSuffix(value, v) {
			return false
		}
	}
	return true
}
