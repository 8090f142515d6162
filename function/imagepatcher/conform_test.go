package imagepatcher_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	distribution "github.com/quench-dev/quench/tests/registry"
)

// A patch is a change of the Deployment's spec, which its generation counts.
func TestConforms(t *testing.T) {
	at := distribution.Start(t)
	functiontest.Conform(t, functiontest.Subject{Prepare: func(t *testing.T, tw *functiontest.World) functiontest.Prepared {
		w := worldWith(tw, at)
		w.have(t, "api:1")
		pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"))
		w.seen(t, "api")
		before := w.deployment(t, "api").Generation
		labels := func(name string) map[string]string {
			return map[string]string{"alertname": name, "namespace": w.Namespace, "pod": pod.Name, "container": "app"}
		}
		return functiontest.Prepared{
			Action:  func(client *cluster.Client) function.Action { return action(t, client, lastGood) },
			Labels:  func(i int) map[string]string { return labels(fmt.Sprintf("KubeImagePull%d", i)) },
			Other:   labels("KubeImage"),
			Missing: map[string]string{"alertname": "KubeImagePull", "namespace": w.Namespace, "pod": "nobody", "container": "app"},
			Acts:    func(r *http.Request) bool { return patches(r) },
			Effects: func() int { return int(w.deployment(t, "api").Generation - before) },
		}
	}})
}
