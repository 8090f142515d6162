package lint_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/lint"
)

// filterOf is a filter of any dialect about two labels with few values, so that many filters contradict themselves, and
// many catch a part of what others do.
func filterOf(r *rand.Rand, depth int) string {
	label := []string{"team", "zone"}[r.IntN(2)]
	value := []string{"a", "ab", "abc", "b", "bc"}[r.IntN(5)]
	list := func() string {
		var all []string
		for range 1 + r.IntN(3) {
			all = append(all, filterOf(r, depth-1))
		}
		return strings.Join(all, ", ")
	}
	switch kind := r.IntN(11); {
	case kind == 0 && depth > 0:
		return "{ all: [ " + list() + " ] }"
	case kind == 1 && depth > 0:
		return "{ any: [ " + list() + " ] }"
	case kind < 4 && depth > 0:
		return "{ not: " + filterOf(r, depth-1) + " }"
	case kind == 4:
		return fmt.Sprintf(`{ cesql: "%s IN ('%s', 'b')" }`, label, value)
	case kind == 5:
		return fmt.Sprintf(`{ cesql: "EXISTS %s AND %[1]s != '%s'" }`, label, value)
	case kind == 6:
		return fmt.Sprintf(`{ cesql: "%s LIKE '%s%%' OR %[1]s LIKE '%%c'" }`, label, value)
	default:
		return fmt.Sprintf("{ %s: { %s: %s } }", []string{"exact", "prefix", "suffix"}[r.IntN(3)], label, value)
	}
}

// What lint says of all events holds for each that is tried: no event passes a filter that is never true, none that a
// swallowed Trigger catches escapes the other.
func TestWhatIsSaidOfAllEventsHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4)) // the same each time
	var values []string
	for _, head := range []string{"", "a", "ab", "abc", "b", "bc", "x"} {
		for _, tail := range []string{"", "a", "ab", "abc", "b", "bc", "c", "x"} {
			if v := head + tail; !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
	}
	var events []event.Event
	for _, team := range values {
		for _, zone := range values {
			events = append(events, fires(t, "team="+team, "zone="+zone))
		}
	}
	said := map[string]int{}
	for range 40 {
		text := trig("t", on(filterOf(r, 2))+"\n- "+filterOf(r, 1)) + "---\n" + trig("u", on(filterOf(r, 2)))
		findings := look(t, text, lint.Options{})
		var filters []*trigger.Filter
		for _, tr := range triggers(t, text) {
			f, err := trigger.Compile(tr)
			if err != nil {
				t.Fatal(err)
			}
			filters = append(filters, f)
		}
		caught := make([]int, 2)
		alone := make([]int, 2)
		for _, e := range events {
			var got [2]bool
			for i, f := range filters {
				matched, err := f.Match(t.Context(), e)
				if err != nil {
					t.Fatal(err)
				}
				if got[i] = matched; matched {
					caught[i]++
				}
			}
			for i := range got {
				if got[i] && !got[1-i] {
					alone[i]++
				}
			}
		}
		for i, name := range []string{"default/t", "default/u"} {
			ids := map[string]bool{}
			for _, f := range findings {
				if f.Trigger == name {
					ids[f.ID] = true
					said[f.ID]++
				}
			}
			if ids["never-true"] && caught[i] > 0 || ids["swallowed"] && alone[i] > 0 {
				t.Errorf("%s: of %s lint finds %v, but it catches %d events, %d of them alone", text, name, ids, caught[i], alone[i])
			}
			if caught[i] == 0 && !ids["never-true"] {
				t.Errorf("%s: %s catches nothing, and lint does not say so", text, name)
			}
			if caught[0] > 0 && caught[1] > 0 && alone[i] == 0 && alone[1-i] > 0 && !ids["swallowed"] {
				t.Errorf("%s: all that %s catches comes twice, and lint does not say so", text, name)
			}
		}
	}
	if said["never-true"] < 2 || said["swallowed"] < 2 {
		t.Errorf("said %v: the test shows little", said)
	}
	t.Logf("said %v", said)
}
