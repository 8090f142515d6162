package imagepatcher_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/imagepatcher/registry"
	distribution "github.com/quench-dev/quench/tests/registry"
)

// An image that is set is a change of the Deployment's spec, which its generation counts.
func TestConforms(t *testing.T) {
	at := distribution.Start(t)
	functiontest.Conform(t, functiontest.Subject{Prepare: func(t *testing.T, tw *functiontest.World) functiontest.Prepared {
		w := worldWith(tw, at)
		w.have(t, "app:1")
		w.broken(t, "web", w.image("app:1"), w.image("app:2"))
		generation := func() int {
			d, err := w.kube.AppsV1().Deployments(w.Namespace).Get(t.Context(), "web", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return int(d.Generation)
		}
		before := generation()
		labels := func(name string) map[string]string {
			return map[string]string{"alertname": name, "namespace": w.Namespace, "deployment": "web", "container": "app"}
		}
		return functiontest.Prepared{
			Action: func(client *cluster.Client) function.Action {
				return imagepatcher.New(imagepatcher.Options{
					Default: imagepatcher.Rule{Policy: imagepatcher.LastGood}, Platforms: []v1.Platform{{OS: "linux", Architecture: "amd64"}},
					Timeout: 15 * time.Second, Registry: registry.Options{Request: 5 * time.Second},
				}, client)
			},
			Labels:  func(i int) map[string]string { return labels(fmt.Sprintf("ImagePullBackOff%d", i)) },
			Other:   labels("ErrImagePull"),
			Missing: map[string]string{"alertname": "ImagePullBackOff", "namespace": w.Namespace, "deployment": "nobody", "container": "app"},
			Acts: func(r *http.Request) bool {
				return r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/deployments/")
			},
			Effects: func() int { return generation() - before },
		}
	}})
}
