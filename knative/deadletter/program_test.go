package deadletter_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/quench-dev/quench/knative/deadletter"
	"github.com/quench-dev/quench/tests/program"
)

func TestMain(m *testing.M) { program.Main(m, deadletter.Program()) }

func TestServesAndDrains(t *testing.T) {
	c, url, lines := program.Serving(t, "PORT=0", "DRAIN_QUIET=0s")
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	resp, err := http.Post(url, "application/cloudevents+json", strings.NewReader(`{"specversion":"1.0","id":"e1","source":"/","type":"t"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !lines.Scan() {
		t.Fatal("it logs no more")
	}
	var l struct{ Message, Level string }
	if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
		t.Fatalf("%s: %v", lines.Text(), err)
	}
	if resp.StatusCode != http.StatusNoContent || l.Message != "dead letter" || l.Level != "error" {
		t.Errorf("%s, log says %s", resp.Status, lines.Text())
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

func TestUsage(t *testing.T) {
	out, err := program.Command(t, nil, "-h").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "| `MAX_LOGGED_BYTES` |") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestWrongVariableStopsTheStart(t *testing.T) {
	out, err := program.Command(t, []string{"PORT=http"}).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.HasPrefix(string(out), `deadletter: PORT="http": want`) {
		t.Errorf("%v: %s", err, out)
	}
}
