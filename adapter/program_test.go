package adapter_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quench-dev/quench/adapter"
	"github.com/quench-dev/quench/tests/program"
)

func TestMain(m *testing.M) { program.Main(m, adapter.Program()) }

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestWithoutSink(t *testing.T) {
	c, url, lines := program.Serving(t, "PORT=0", "DRAIN_QUIET=0s")
	for path, want := range map[string]struct {
		code int
		says string
	}{
		"/healthz":          {200, "ok"},
		"/readyz":           {503, "K_SINK is not set"},
		"/health/readiness": {503, "K_SINK is not set"},
		"/metrics":          {200, "quench_build_info"},
		"/":                 {405, "POST"},
	} {
		if code, body := get(t, url+path); code != want.code || !strings.Contains(body, want.says) {
			t.Errorf("%s: %d %.100q", path, code, body)
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
}

// SIGTERM while the sink has an event: the webhook is answered before the end.
func TestDrain(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	defer sink.Close()
	c, url, lines := program.Serving(t, "PORT=0", "K_SINK="+strings.Replace(sink.URL, "//", "//me:geheim@", 1), "DRAIN_QUIET=0s")
	body, err := os.Open(filepath.Join("..", "tests", "payloads", "resolved.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	answer := make(chan error, 1)
	go func() {
		resp, err := http.Post(url+"/alert", "application/json", body)
		if err == nil {
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				err = errors.New(resp.Status)
			}
		}
		answer <- err
	}()
	<-entered
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || !strings.Contains(lines.Text(), "draining") {
		t.Errorf("log says %q", lines.Text())
	}
	close(release)
	select {
	case err := <-answer:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("no answer")
	}
	for lines.Scan() {
		t.Errorf("log says %q", lines.Text())
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

func TestVersionAndUsage(t *testing.T) {
	for arg, want := range map[string]string{"--version": "quench adapter dev", "-h": "| `K_SINK` |"} {
		out, err := program.Command(t, nil, arg).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", arg, err, out)
		}
	}
}

func TestWrongVariablesStopTheStart(t *testing.T) {
	for env, want := range map[string]string{
		"SEND_TIMEOUT=50":              "SEND_TIMEOUT",
		"K_CE_OVERRIDES=team":          "K_CE_OVERRIDES",
		"BEARER_TOKENS_FILE=/nowhere":  "BEARER_TOKENS_FILE: open /nowhere",
		"BASIC_AUTH_FILE=/nowhere":     "BASIC_AUTH_FILE: open /nowhere",
		"WEB_CONFIG_FILE=/nowhere":     "WEB_CONFIG_FILE",
		"LABEL_ATTRIBUTES=pod":         "LABEL_ATTRIBUTES",
		"PORT=99999":                   "PORT",
		"LABEL_ATTRIBUTES_ONLY=yes it": "LABEL_ATTRIBUTES_ONLY",
	} {
		t.Run(env, func(t *testing.T) {
			out, err := program.Command(t, []string{env}).CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.Contains(string(out), "adapter: "+want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
