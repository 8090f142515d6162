package gate_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/quench-dev/quench/adapter/gate"
	"github.com/quench-dev/quench/tests/program"
)

func TestMain(m *testing.M) { program.Main(m, gate.Program()) }

// Paths that quench's other programs answer themselves are the gate's, where it was told so: readiness that were liveness
// would open the gate. SIGTERM ends it.
func TestProbesAtAnyPath(t *testing.T) {
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"success","data":{"alerts":[{"labels":{"alertname":"Down","severity":"critical"},"state":"firing"}]}}`)
	}))
	defer prometheus.Close()
	for _, paths := range [][2]string{{"/live", "/ready"}, {"/readyz", "/healthz"}, {"/", "/health/liveness"}, {"/probes/live/", "/probes/ready/"}} {
		t.Run(paths[1], func(t *testing.T) {
			c, url, lines := program.Serving(t, "KUBE_PROBE_LISTEN_PORT=0", "PROMETHEUS_ENDPOINT="+prometheus.URL, "PROMETHEUS_API_TIMEOUT=60",
				"KUBE_LIVENESS_PATH="+paths[0], "KUBE_READINESS_PATH="+paths[1])
			for i, want := range []int{http.StatusOK, http.StatusServiceUnavailable} {
				resp, err := http.Get(url + paths[i])
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != want || (want == http.StatusOK) != (string(body) == "ok\n") {
					t.Errorf("%s: %d %q, %v", paths[i], resp.StatusCode, body, err)
				}
			}
			if err := c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() {
			}
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestVersionAndUsage(t *testing.T) {
	for arg, want := range map[string]string{"--version": "quench gate dev", "-h": "| `PROMETHEUS_ENDPOINT` |"} {
		out, err := program.Command(t, nil, arg).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", arg, err, out)
		}
	}
}

func TestWrongVariablesStopTheStart(t *testing.T) {
	for env, want := range map[string]string{
		"PROMETHEUS_API_TIMEOUT=soon":      "PROMETHEUS_API_TIMEOUT",
		"ALERT_SELECT=severity":            "ALERT_SELECT",
		"HTTP_CLIENT_CONFIG_FILE=/nowhere": "HTTP_CLIENT_CONFIG_FILE",
		"KUBE_PROBE_LISTEN_PORT=99999":     "KUBE_PROBE_LISTEN_PORT",
		"LOG_FORMAT=xml":                   "LOG_FORMAT",
	} {
		t.Run(env, func(t *testing.T) {
			out, err := program.Command(t, []string{env}).CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.Contains(string(out), "gate: "+want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
