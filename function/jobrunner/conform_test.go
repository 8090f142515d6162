package jobrunner_test

import (
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/jobrunner"
)

const conforming = `
jobs:
- {name: clean, alert: DiskFull, container: busybox}
- {name: nightly, alert: Missing, cronJob: nightly}
`

// job-runner's target is a rule and an alert, so four alerts about it are one alert four times; another alert has a
// Job of its own.
func TestConforms(t *testing.T) {
	functiontest.Conform(t, functiontest.Subject{Prepare: func(t *testing.T, w *functiontest.World) functiontest.Prepared {
		rules, err := jobrunner.Parse("rules.yaml", []byte(conforming))
		if err != nil {
			t.Fatal(err)
		}
		return functiontest.Prepared{
			Action:  func(client *cluster.Client) function.Action { return jobrunner.New(rules, client, w.Clock.Now) },
			Labels:  func(int) map[string]string { return map[string]string{"alertname": "DiskFull", "host": "a"} },
			Other:   map[string]string{"alertname": "DiskFull", "host": "b"},
			Missing: map[string]string{"alertname": "Missing"},
			Acts: func(r *http.Request) bool {
				return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/jobs")
			},
			Effects: func() int {
				list, err := kubernetes.NewForConfigOrDie(w.Config).BatchV1().Jobs(w.Namespace).List(t.Context(), metav1.ListOptions{})
				if err != nil {
					t.Fatal(err)
				}
				return len(list.Items)
			},
		}
	}})
}
