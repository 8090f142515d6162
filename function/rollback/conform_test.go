package rollback_test

import (
	"fmt"
	"net/http"
	"testing"

	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/rollback"
)

// A rollback is a change of the Deployment's spec, which its generation counts.
func TestConforms(t *testing.T) {
	functiontest.Conform(t, functiontest.Subject{Prepare: func(t *testing.T, tw *functiontest.World) functiontest.Prepared {
		w := &world{tw, kubernetes.NewForConfigOrDie(tw.Config)}
		w.releases(t, "Deployment", "web", "app:1", "app:2")
		pod := w.pod(t, "web", "app:2")
		generation := func() int {
			d, err := w.deployment(t.Context(), "web")
			if err != nil {
				t.Fatal(err)
			}
			return int(d.Generation)
		}
		before := generation()
		labels := func(name string) map[string]string {
			return map[string]string{"alertname": name, "namespace": w.Namespace, "pod": pod}
		}
		return functiontest.Prepared{
			Action: func(client *cluster.Client) function.Action {
				return rollback.New(client, rollback.Options{Now: w.Clock.Now})
			},
			Labels:  func(i int) map[string]string { return labels(fmt.Sprintf("PodPending%d", i)) },
			Other:   labels("PodRestarts"),
			Missing: map[string]string{"alertname": "PodPending", "namespace": w.Namespace, "deployment": "nobody"},
			Acts:    func(r *http.Request) bool { return patched(r, "deployments") },
			Effects: func() int { return generation() - before },
		}
	}})
}
