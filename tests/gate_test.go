package tests

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/gate"
	"github.com/quench-dev/quench/config"
)

// probed is a gate that was made from the environment; ready asks it until a minute is over.
func probed(t *testing.T, environment map[string]string) (ready func(what string, want int, words ...string)) {
	t.Helper()
	for name, value := range environment {
		t.Setenv(name, value)
	}
	cfg, err := config.LoadGate()
	if err != nil {
		t.Fatal(err)
	}
	g, err := gate.New(cfg, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g.Handler())
	t.Cleanup(s.Close)
	return func(what string, want int, words ...string) {
		t.Helper()
		eventually(t, time.Minute, what, func() error {
			resp, err := http.Get(s.URL + "/ready")
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			says := !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(string(body), word) })
			if resp.StatusCode != want || !says {
				return fmt.Errorf("%d %q, want %d and %q", resp.StatusCode, body, want, words)
			}
			return nil
		})
	}
}

// The gate asks a real Alertmanager: an alert that fires closes it, one that is silenced or inhibited does not.
func TestGateAsksAlertmanager(t *testing.T) {
	am := startAlertmanager(t, "http://127.0.0.1:1/", time.Hour)
	ready := probed(t, map[string]string{"ALERTMANAGER_ENDPOINT": am.url, "PROMETHEUS_API_TIMEOUT": "30"})
	ready("no alert", http.StatusOK, "ok")

	disk := map[string]string{"alertname": "DiskFull", "severity": "warning", "host": "a"}
	am.alert(t, time.Now().Add(-time.Minute), false, disk)
	am.alert(t, time.Now().Add(-time.Minute), false, map[string]string{"alertname": "Watchdog", "severity": "none"})
	ready("an alert", http.StatusServiceUnavailable, `The Alertmanager alert is firing: {alertname="DiskFull", host="a", severity="warning"}`)
	am.silence(t, "host", "a")
	ready("it is silenced", http.StatusOK, "ok")

	slow := map[string]string{"alertname": "Slow", "severity": "warning", "host": "b"}
	am.alert(t, time.Now().Add(-time.Minute), false, slow)
	ready("another alert", http.StatusServiceUnavailable, "Slow")
	// By an alert that does not count itself.
	am.alert(t, time.Now().Add(-time.Minute), false, map[string]string{"alertname": "Maintenance", "severity": "none", "host": "b"})
	ready("it is inhibited", http.StatusOK, "ok")

	power := map[string]string{"alertname": "Power", "severity": "critical"}
	am.alert(t, time.Now().Add(-time.Minute), false, power)
	ready("a third", http.StatusServiceUnavailable, "Power")
	am.alert(t, time.Now().Add(-time.Minute), true, power)
	ready("it has resolved", http.StatusOK, "ok")
}

// The gate asks a real Prometheus: pending, firing, resolved, away.
func TestGateAsksPrometheus(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		program = filepath.Join("..", ".build", "cluster", "debian", "usr", "bin", "prometheus")
		if _, err := os.Stat(program); err != nil {
			t.Skip("there is no prometheus on PATH, nor where make cluster puts Debian's; tests/e2e asks one on the cluster")
		}
	}
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.yml")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const rule = "groups: [{ name: g, rules: [{ alert: Down, expr: vector(1), for: %s, labels: { severity: critical } }] }]\n"
	write(rules, fmt.Sprintf(rule, "1h"))
	write(filepath.Join(dir, "prometheus.yml"), "global: { evaluation_interval: 1s }\nrule_files: [rules.yml]\n")
	address := freeAddress(t)
	ready := probed(t, map[string]string{"PROMETHEUS_ENDPOINT": "http://" + address, "PROMETHEUS_API_TIMEOUT": "30"})
	ready("Prometheus is away", http.StatusServiceUnavailable, "Prometheus cannot be asked at http://"+address, "connection refused")

	logs, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--web.enable-lifecycle")
	cmd.Stdout, cmd.Stderr = logs, logs
	start(t, cmd)
	eventually(t, time.Minute, "an alert is pending", func() error {
		var body bytes.Buffer
		if err := get(t, "http://"+address+"/api/v1/alerts", &body); err != nil {
			return err
		}
		if !strings.Contains(body.String(), `"state":"pending"`) {
			return fmt.Errorf("it says %s", &body)
		}
		return nil
	})
	ready("it does not count", http.StatusOK, "ok")
	reload := func() {
		t.Helper()
		resp, err := http.Post("http://"+address+"/-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("reload: %s: %s", resp.Status, tail(logs.Name()))
		}
	}
	write(rules, fmt.Sprintf(rule, "0s"))
	reload()
	ready("it fires", http.StatusServiceUnavailable, `The Prometheus alert is firing: {alertname="Down", severity="critical"}`)
	write(rules, strings.Replace(fmt.Sprintf(rule, "0s"), "vector(1)", "vector(1) > 1", 1))
	reload()
	ready("it has resolved", http.StatusOK, "ok")
	stop(t, cmd)
	ready("Prometheus is gone", http.StatusServiceUnavailable, "connection refused")
}
