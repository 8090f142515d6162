package command_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/functiontest"
)

// A command's effect is outside the cluster: what was cut off is never done again.
func TestConforms(t *testing.T) {
	functiontest.Conform(t, functiontest.Subject{Outside: true, Prepare: func(t *testing.T, w *functiontest.World) functiontest.Prepared {
		file := t.TempDir() + "/effects"
		c, err := command.Parse("commands.yaml", []byte("commands:\n"+
			sh(fmt.Sprintf("echo x >> %s", file), ", match_labels: {severity: page}")+
			sh("exit 1", ", alert: Fails, notify_on_failure: false")+
			"- {cmd: /no/such/program, alert: Missing, notify_on_failure: false}\n"))
		if err != nil {
			t.Fatal(err)
		}
		labels := func(name, severity string) map[string]string {
			return map[string]string{"alertname": name, "severity": severity, "namespace": w.Namespace}
		}
		return functiontest.Prepared{
			Action:  func(*cluster.Client) function.Action { return command.New(c.Rules, command.Options{}) },
			Labels:  func(int) map[string]string { return labels("DiskFull", "page") },
			Other:   labels("Other", "page"),
			Missing: labels("Missing", "none"),
			Fails:   labels("Fails", "none"),
			Acts: func(r *http.Request) bool {
				return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/remediations")
			},
			Effects: func() int {
				text, err := os.ReadFile(file)
				if err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				return strings.Count(string(text), "x")
			},
		}
	}})
}
