package adapter

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
)

// sink is an HTTP sink that keeps what it accepts. answer says what it answers
// to an event, 202 where it is nil; it may block.
type sink struct {
	*httptest.Server
	mu       sync.Mutex
	answer   func(event.Event) int
	accepted []event.Event
}

func newSink(t *testing.T) *sink {
	s := &sink{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e, err := cehttp.NewEventFromHTTPRequest(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	code := http.StatusAccepted
	if answer != nil {
		code = answer(*e)
	}
	if code == http.StatusAccepted {
		s.mu.Lock()
		s.accepted = append(s.accepted, *e)
		s.mu.Unlock()
	}
	w.WriteHeader(code)
}

func (s *sink) answers(f func(event.Event) int) {
	s.mu.Lock()
	s.answer = f
	s.mu.Unlock()
}

func (s *sink) events() []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accepted)
}

// settings are config.Adapter's defaults, small enough for tests, with a sink.
func settings(t *testing.T, sinkURL string, change func(*config.Adapter)) config.Adapter {
	t.Helper()
	var cfg config.Adapter
	t.Setenv("K_SINK", sinkURL)
	if err := config.Load(&cfg); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// logs is a log that tests read while it is written.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start serves an adapter on loopback.
func start(t *testing.T, cfg config.Adapter) (a *Adapter, url string, log *logs) {
	t.Helper()
	log = &logs{}
	a, err := New(cfg, nil, zerolog.New(log).Level(zerolog.InfoLevel))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(a.Handler())
	t.Cleanup(s.Close)
	return a, s.URL, log
}

// post sends a webhook and gives the answer's status and text.
func post(t *testing.T, url string, body []byte) (int, string) {
	t.Helper()
	return do(t, request(t.Context(), t, url, bytes.NewReader(body)))
}

func request(ctx context.Context, t *testing.T, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

func do(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}

func payload(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "tests", "payloads", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// webhookOf makes a webhook with one firing alert for each pod.
func webhookOf(pods ...string) []byte {
	var alerts []string
	for _, pod := range pods {
		alerts = append(alerts, `{"status":"firing","labels":{"alertname":"KubePodCrashLooping","namespace":"shop","pod":"`+pod+`"},`+
			`"annotations":{},"startsAt":"2026-11-20T22:04:17.358Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":""}`)
	}
	return []byte(`{"receiver":"quench","status":"firing","alerts":[` + strings.Join(alerts, ",") + `],"groupLabels":{},"commonLabels":{},` +
		`"commonAnnotations":{},"externalURL":"http://alertmanager.example:9093","version":"4","groupKey":"{}:{}","truncatedAlerts":0}`)
}

func pod(e event.Event) string { s, _ := e.Extensions()["pod"].(string); return s }

// pods are the pods of events, sorted.
func pods(es []event.Event) []string {
	var names []string
	for _, e := range es {
		names = append(names, pod(e))
	}
	slices.Sort(names)
	return names
}

func recorded(t *testing.T, e event.Event) time.Time {
	t.Helper()
	at, err := alert.RecordedTime(e)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// until polls a condition that another goroutine brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
