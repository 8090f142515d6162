package archive_test

import (
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quench-dev/quench/knative/archive"
	"github.com/quench-dev/quench/tests/program"
)

func TestMain(m *testing.M) { program.Main(m, archive.Program()) }

func TestServesAndDrains(t *testing.T) {
	c, url := startServing(t, "ARCHIVE_FILE="+filepath.Join(t.TempDir(), "archive.db"))
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/v1/events"} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	stream, err := http.Get(url + "/api/v1/stream") // a stream does not hold up the end
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	resp, err := http.Post(url, "application/cloudevents+json", strings.NewReader(`{"specversion":"1.0","id":"e1","source":"/","type":"t"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("%s", resp.Status)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

func TestUsage(t *testing.T) {
	out, err := program.Command(t, nil, "-h").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "| `ARCHIVE_DSN` |") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestWrongVariableStopsTheStart(t *testing.T) {
	for env, want := range map[string]string{
		"PORT=http":                       `archive: PORT="http": want`,
		"ARCHIVE_DSN=postgres://a:gehe@[": `archive: ARCHIVE_DSN: want a PostgreSQL URL`,
		"ARCHIVE_MAX_SIZE=1000":           `archive: ARCHIVE_MAX_SIZE="1000": want at least 1Mi`,
		"ARCHIVE_FILE=/proc/no/archive":   `archive: open archive: mkdir`,
	} {
		out, err := program.Command(t, []string{env}).CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.HasPrefix(string(out), want) || strings.Contains(string(out), "gehe") {
			t.Errorf("%s: %v: %s", env, err, out)
		}
	}
}
