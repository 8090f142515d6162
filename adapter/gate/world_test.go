package gate_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/gate"
	"github.com/quench-dev/quench/config"
)

// standIn answers as Prometheus or Alertmanager does, with what real ones have answered (see testdata), and in ways in which
// real ones cannot be made to. (The package tests asks real ones.)
func standIn(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

func file(t *testing.T, name string) http.HandlerFunc {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text(string(b))
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, s)
	}
}

// firing is an answer of Prometheus with alerts that have these labels, written name="value",….
func firing(labels ...string) http.HandlerFunc {
	var alerts []string
	for _, l := range labels {
		var pairs []string
		for pair := range strings.SplitSeq(l, ",") {
			name, value, _ := strings.Cut(pair, "=")
			pairs = append(pairs, fmt.Sprintf("%q:%s", name, value))
		}
		alerts = append(alerts, fmt.Sprintf(`{"labels":{%s},"state":"firing"}`, strings.Join(pairs, ",")))
	}
	return text(`{"status":"success","data":{"alerts":[` + strings.Join(alerts, ",") + `]}}`)
}

// world is a gate that was made from the environment, and what it logs.
type world struct {
	url string
	log *output
}

func start(t *testing.T, environment map[string]string) *world {
	t.Helper()
	for name, value := range environment {
		t.Setenv(name, value)
	}
	cfg, err := config.LoadGate()
	if err != nil {
		t.Fatal(err)
	}
	log := &output{}
	g, err := gate.New(cfg, zerolog.New(log))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g.Handler())
	t.Cleanup(s.Close)
	return &world{s.URL, log}
}

func (w *world) get(t *testing.T, path string) (code int, body string) {
	t.Helper()
	resp, err := http.Get(w.url + path)
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

// ready wants the probe to be answered with ok.
func (w *world) ready(t *testing.T) {
	t.Helper()
	if code, body := w.get(t, "/ready"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q, want 200 ok", code, body)
	}
}

// notReady wants the probe to be answered with 503 and these words.
func (w *world) notReady(t *testing.T, words ...string) (body string) {
	t.Helper()
	code, body := w.get(t, "/ready")
	if code != http.StatusServiceUnavailable || !strings.HasPrefix(body, "not ok, err:\n") {
		t.Errorf("%d %.200q, want 503", code, body)
	}
	for _, word := range words {
		if !strings.Contains(body, word) {
			t.Errorf("%.600q does not say %q", body, word)
		}
	}
	return body
}

// output is written to and read by several.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
