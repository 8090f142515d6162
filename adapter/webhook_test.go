package adapter

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
)

func TestWebhookAnswers(t *testing.T) {
	s := newSink(t)
	_, url, _ := start(t, settings(t, s.URL, nil))
	firing := string(payload(t, "firing"))
	for name, tc := range map[string]struct {
		method, path, encoding, body string
		code                         int
		says                         string
		events                       int
	}{
		"two alerts":            {"POST", "/", "", firing, 200, `{"events":2,"delivered":2,"remembered":0,"failed":0}`, 2},
		"an old path":           {"POST", "/alert/", "", firing, 200, "", 2},
		"another old path":      {"POST", "/api/", "", firing, 200, "", 2},
		"path of the metrics":   {"POST", "/metrics", "", firing, 200, "", 2},
		"resolved":              {"POST", "/", "", string(payload(t, "resolved")), 200, "", 1},
		"mixed":                 {"POST", "/", "", string(payload(t, "mixed")), 200, "", 2},
		"no fingerprint":        {"POST", "/", "", string(payload(t, "old-without-fingerprint")), 200, "", 1},
		"truncated":             {"POST", "/", "", string(payload(t, "truncated")), 200, "", 2},
		"UTF-8 labels":          {"POST", "/", "", string(payload(t, "utf8-labels")), 200, "", 1},
		"unknown fields":        {"POST", "/", "", string(payload(t, "unknown-fields")), 200, "", 1},
		"no alerts":             {"POST", "/", "", `{"alerts":[]}`, 200, `"events":0`, 0},
		"not posted":            {"PUT", "/", "", firing, 405, "POST", 0},
		"asked for":             {"GET", "/alert", "", "", 405, "POST", 0},
		"metrics":               {"GET", "/metrics", "", "", 200, "quench_build_info", 0},
		"not JSON":              {"POST", "/", "", "hello", 400, "not JSON", 0},
		"nothing":               {"POST", "/", "", "", 400, "JSON", 0},
		"trailing text":         {"POST", "/", "", firing + "x", 400, "JSON", 0},
		"no list":               {"POST", "/", "", "{}", 400, "alerts: missing", 0},
		"wrong type":            {"POST", "/", "", `{"alerts":7}`, 400, "alerts: got a number", 0},
		"an alert, no status":   {"POST", "/", "", `{"alerts":[{"labels":{"a":"b"},"startsAt":"2026-11-20T22:04:17Z"}]}`, 400, "alerts[0].status: missing", 0},
		"an alert, no labels":   {"POST", "/", "", `{"alerts":[{"status":"firing","startsAt":"2026-11-20T22:04:17Z"}]}`, 400, "alerts[0].labels: missing", 0},
		"compressed":            {"POST", "/", "gzip", firing, 415, "uncompressed", 0},
		"larger than the limit": {"POST", "/", "", strings.Repeat(" ", 16<<20) + firing, 413, "too large", 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.events())
			r, err := http.NewRequestWithContext(t.Context(), tc.method, url+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if tc.encoding != "" {
				r.Header.Set("Content-Encoding", tc.encoding)
			}
			code, text := do(t, r)
			if code != tc.code || !strings.Contains(text, tc.says) {
				t.Errorf("%d %q, want %d %q", code, text, tc.code, tc.says)
			}
			if got := len(s.events()) - before; got != tc.events {
				t.Errorf("%d events, want %d", got, tc.events)
			}
		})
	}
}

// spaces is a body of n zeros that is nowhere in memory.
type spaces struct{ left int64 }

func (s *spaces) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), s.left)
	clear(p[:n])
	s.left -= n
	return int(n), nil
}

func TestGigabyteOfZeros(t *testing.T) {
	_, url, _ := start(t, settings(t, newSink(t).URL, nil))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	code, _ := do(t, request(t.Context(), t, url, &spaces{1 << 30}))
	runtime.ReadMemStats(&after)
	if code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", code)
	}
	// Growing a buffer to 16 MiB costs some five times that, over time.
	if got := after.TotalAlloc - before.TotalAlloc; got > 200<<20 {
		t.Errorf("allocated %d MiB", got>>20)
	}
}

func TestNoSink(t *testing.T) {
	a, url, _ := start(t, settings(t, "", nil))
	if err := a.Ready(); err == nil || err.Error() != "K_SINK is not set" {
		t.Errorf("ready: %v", err)
	}
	if code, text := post(t, url, payload(t, "firing")); code != 503 || !strings.Contains(text, "K_SINK is not set") {
		t.Errorf("%d %q", code, text)
	}
}

func TestReadyWithSink(t *testing.T) {
	a, _, _ := start(t, settings(t, newSink(t).URL, nil))
	if err := a.Ready(); err != nil {
		t.Error(err)
	}
}

func TestEventsAreAlerts(t *testing.T) {
	s := newSink(t)
	_, url, log := start(t, settings(t, s.URL, func(c *config.Adapter) {
		c.ClusterName, c.LabelAttributes = "prod", "container=box"
	}))
	if code, text := post(t, url, payload(t, "mixed")); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	for _, e := range s.events() {
		a, err := alert.FromEvent(e)
		if err != nil {
			t.Fatal(err)
		}
		if a.Name() != "KubePodCrashLooping" || e.Source() != "/alertmanager/prod" || e.Extensions()["box"] != "frontend" || e.ID() != a.ID() {
			t.Errorf("event %v", e)
		}
	}
	if log.String() != "" {
		t.Errorf("all is well, and it says %s", log)
	}
}

func TestGroupEvents(t *testing.T) {
	s := newSink(t)
	_, url, _ := start(t, settings(t, s.URL, func(c *config.Adapter) { c.GroupEvents = true }))
	body := payload(t, "firing")
	if code, text := post(t, url, body); code != 200 || !strings.Contains(text, `"events":3`) {
		t.Fatalf("%d %s", code, text)
	}
	groups := 0
	for _, e := range s.events() {
		if e.Type() == alert.TypeGroupFiring {
			groups++
			if string(e.Data()) != string(body) {
				t.Errorf("data %s", e.Data())
			}
		}
	}
	if groups != 1 || len(s.events()) != 3 {
		t.Errorf("%d groups among %d events", groups, len(s.events()))
	}
	if code, _ := post(t, url, []byte(`{"alerts":[]}`)); code != 200 || len(s.events()) != 3 {
		t.Error("a webhook without alerts sent something")
	}
}
