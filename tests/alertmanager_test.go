package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// alertmanager is a real one, as a child process on loopback.
type alertmanager struct {
	url string
	log *os.File
}

// startAlertmanager starts a real Alertmanager whose only receiver is webhook.
// Notifications go out after about a second, and repeat after repeat.
func startAlertmanager(t *testing.T, webhook string, repeat time.Duration) *alertmanager {
	t.Helper()
	dir := t.TempDir()
	config := fmt.Sprintf(`
route:
  receiver: quench
  group_by: [alertname]
  group_wait: 500ms
  group_interval: 1s
  repeat_interval: %s
receivers:
- name: quench
  webhook_configs:
  - url: %q
    send_resolved: true
inhibit_rules:
- source_matchers: [alertname="Maintenance"]
  target_matchers: [alertname!="Maintenance"]
  equal: [host]
`, repeat, webhook)
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	logs, err := os.Create(filepath.Join(dir, "alertmanager.log"))
	if err != nil {
		t.Fatal(err)
	}
	am := &alertmanager{url: "http://" + freeAddress(t), log: logs}
	cmd := exec.Command(binary(t, "alertmanager"), "--config.file="+file, "--storage.path="+dir,
		"--web.listen-address="+strings.TrimPrefix(am.url, "http://"), "--cluster.listen-address=", "--log.level=debug")
	cmd.Stdout, cmd.Stderr = logs, logs
	start(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Alertmanager's log:\n%s", tail(logs.Name()))
		}
	})
	eventually(t, 30*time.Second, "Alertmanager is ready", func() error { return get(t, am.url+"/-/ready", nil) })
	return am
}

// alert puts an alert through Alertmanager's API, as Prometheus does. With
// resolved it ends now.
func (am *alertmanager) alert(t *testing.T, startsAt time.Time, resolved bool, labels map[string]string) {
	t.Helper()
	a := map[string]any{
		"labels": labels, "annotations": map[string]string{"summary": "Pod is crash looping."},
		"startsAt": startsAt.Format(time.RFC3339Nano), "generatorURL": "http://prometheus.example/graph?g0.expr=up",
	}
	if resolved {
		a["endsAt"] = time.Now().Format(time.RFC3339Nano)
	} else {
		a["endsAt"] = time.Now().Add(time.Hour).Format(time.RFC3339Nano)
	}
	body, err := json.Marshal([]any{a})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(am.url+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("post alert: %s", resp.Status)
	}
}

// metric is the sum of a metric's samples whose line holds label.
func (am *alertmanager) metric(t *testing.T, name, label string) float64 {
	t.Helper()
	var body bytes.Buffer
	if err := get(t, am.url+"/metrics", &body); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for line := range strings.Lines(body.String()) {
		if strings.HasPrefix(line, name+"{") && strings.Contains(line, label) {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// binary is a program that the Makefile builds.
func binary(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", ".build", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make unit once, or make tools build", err)
	}
	return path
}

// start starts a child process that ends with the test: asked first, then killed.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, cmd) })
}

func stop(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(os.Interrupt)
	timer := time.AfterFunc(30*time.Second, func() {
		t.Errorf("%s did not end within 30 s of SIGINT", cmd.Path)
		_ = cmd.Process.Kill()
	})
	defer timer.Stop()
	_ = cmd.Wait()
}

// eventually waits until probe has no error.
func eventually(t *testing.T, within time.Duration, what string, probe func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := probe()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, within, err)
		case <-ticker.C:
		}
	}
}

func get(t *testing.T, url string, into *bytes.Buffer) error {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into != nil {
		if _, err := into.ReadFrom(resp.Body); err != nil {
			return err
		}
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

// freeAddress is one that nobody listens on; for programs that cannot bind :0
// and say where, and for a server that is to come later.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-8<<10):])
}
