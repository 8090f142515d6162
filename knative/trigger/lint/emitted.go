package lint

import (
	"slices"
	"strings"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
)

// alerts are the types that the adapter sends, answers those that functions answer with.
var (
	alerts  = []string{alert.TypeFiring, alert.TypeResolved, alert.TypeGroupFiring, alert.TypeGroupResolved}
	answers = []string{
		function.Succeeded.Type(), function.Failed.Type(), function.Skipped.Type(), function.Planned.Type(), function.Started.Type(),
		enriched.Type,
	}
	// emitted are all types of quench's.
	emitted = slices.Concat(alerts, answers, []string{function.TypeApprovalGranted, function.TypeApprovalRejected})
)

// knatives are the types of Knative's own sources.
const knatives = "dev.knative."

// emitted looks at a value that the type is compared with.
func (l *linter) emitted(s *subject, field, value string, c comparison) {
	compare := func(t string) bool { return t == value }
	switch c {
	case prefix:
		compare = func(t string) bool { return strings.HasPrefix(t, value) }
	case suffix:
		compare = func(t string) bool { return strings.HasSuffix(t, value) }
	case exact, legacy:
	}
	known := slices.Concat(emitted, l.Types)
	for _, o := range l.set.Kind(group, "EventType") {
		if spec, ok := o.Object["spec"].(map[string]any); ok {
			if t, ok := spec["type"].(string); ok {
				known = append(known, t)
			}
		}
	}
	if slices.ContainsFunc(known, compare) || c != suffix && strings.HasPrefix(value, knatives) {
		return
	}
	s.report("unknown-type", field, nearest(value, known)+"; or name others' types with --type", "nothing here emits the type %q", value)
}

// nearest is the value that takes the fewest changes.
func nearest(value string, known []string) string {
	best, least := "", len(value)
	for _, k := range known {
		if d := distance(value, k); d < least || best == "" {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters that are to be added, left out or changed to make one text the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
