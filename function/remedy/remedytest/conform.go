package remedytest

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/remedy"
	"github.com/quench-dev/quench/tests/kube" //nolint:depguard // imported by tests alone
)

// Subject is what the table of all functions needs to know of a remedy.
type Subject struct {
	Remedy remedy.Remedy
	// Objects is what there is to act on, as for World.Create.
	Objects string
	// Labels are those of an alert about it; alertname and namespace are added.
	Labels map[string]string
	// Missing are those of an alert about what is not there.
	Missing map[string]string
	// Effects is how often the remedy was applied.
	Effects func(t *testing.T, w *World) int
}

// Conform has a remedy go through the table that each of quench's functions passes:
// redeliveries, dry runs, policies, an API server that is away, conflicts, kills. It
// takes a real API server, and skips where there is none.
func Conform(t *testing.T, s Subject) {
	t.Helper()
	if err := kube.Missing(); err != nil {
		t.Skipf("this takes a real API server: %v", err)
	}
	functiontest.Conform(t, functiontest.Subject{Prepare: func(t *testing.T, tw *functiontest.World) functiontest.Prepared {
		w := of(t, tw)
		w.Create(t, s.Objects)
		labels := func(name string, more map[string]string) map[string]string {
			all := map[string]string{"alertname": name, "namespace": w.Namespace}
			maps.Copy(all, more)
			return all
		}
		return functiontest.Prepared{
			Action: func(client *cluster.Client) function.Action {
				a, err := remedy.Action(s.Remedy, client, "")
				if err != nil {
					t.Fatal(err)
				}
				return a
			},
			Labels:  func(i int) map[string]string { return labels(fmt.Sprintf("Alert%d", i), s.Labels) },
			Other:   labels("OtherAlert", s.Labels),
			Missing: labels("Alert", s.Missing),
			Acts:    acts,
			Effects: func() int { return s.Effects(t, w) },
		}
	}})
}

// acts says whether a request changes anything but what quench keeps for itself.
func acts(r *http.Request) bool {
	if r.Method == http.MethodGet {
		return false
	}
	for _, own := range []string{"/leases", "/remediations", "/events"} {
		if strings.Contains(r.URL.Path, own) {
			return false
		}
	}
	return true
}
