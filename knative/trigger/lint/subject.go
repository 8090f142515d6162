package lint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	"go.yaml.in/yaml/v3"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// IgnoreAnnotation is the annotation of a Trigger that names the findings, separated by commas, that are meant to be so.
const IgnoreAnnotation = "quench.dev/lint-ignore"

// subject is a Trigger that is looked at.
type subject struct {
	object *source.Object
	node   *yaml.Node // of the object in its file; nil where there are no lines
	name   string     // namespace/name

	trigger *eventingv1.Trigger // with defaults; nil if it cannot be decoded
	filter  *trigger.Filter     // nil if it does not compile
	space   *space              // the events that its filter can tell apart; nil if filter is
	caught  *event.Event        // one that its filter passes; nil if none was found

	findings []Finding
}

// report adds a finding about a field, a path such as spec.filters[0].exact.severity.
func (s *subject) report(id, field, instead, why string, args ...any) {
	s.findings = append(s.findings, Finding{
		ID: id, Severity: rule(id).Severity, File: s.object.File, Line: s.line(field), Trigger: s.name, Field: field,
		Why: fmt.Sprintf(why, args...), Instead: instead,
	})
}

// ignores looks at the annotation itself.
func (l *linter) ignores(s *subject) {
	for _, id := range s.ignored() {
		if !slices.ContainsFunc(Rules, func(r Rule) bool { return r.ID == id }) {
			s.report("unknown-ignore", "metadata.annotations", "names of findings, separated by commas, such as no-dead-letter-sink",
				"%s: %q is no finding", IgnoreAnnotation, id)
		}
	}
}

func (s *subject) ignored() []string {
	return strings.FieldsFunc(s.object.GetAnnotations()[IgnoreAnnotation], func(r rune) bool { return r == ',' || r == ' ' })
}

// heeded are the findings that are not ignored.
func (s *subject) heeded() []Finding {
	ignored := s.ignored()
	return slices.DeleteFunc(s.findings, func(f Finding) bool {
		return f.ID != "unknown-ignore" && slices.Contains(ignored, f.ID)
	})
}

// has says whether one of these is among the findings, ignored or not.
func (s *subject) has(ids ...string) bool {
	return slices.ContainsFunc(s.findings, func(f Finding) bool { return slices.Contains(ids, f.ID) })
}

// where is file:line of the Trigger.
func (s *subject) where() string { return s.object.Where() }

// duplicates finds Triggers of one name.
func (l *linter) duplicates() {
	first := map[string]*subject{}
	for _, s := range l.subjects {
		other, ok := first[s.name]
		if !ok || s.object.GetName() == "" {
			first[s.name] = s
			continue
		}
		if same(s, other) {
			continue // a file that was named twice, or a cluster's copy of it
		}
		s.report("duplicate", "metadata.name", "a name of its own", "%s is defined at %s, too: the one that is applied later replaces the other",
			s.name, other.where())
	}
}

// same says whether two objects say the same.
func same(a, b *subject) bool {
	x, _ := json.Marshal(a.object.Object["spec"])
	y, _ := json.Marshal(b.object.Object["spec"])
	return string(x) == string(y)
}

// sorted are the keys of a map, in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
