package deadletter

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
)

// start serves a sink; log holds what it has logged.
func start(t *testing.T) (s *Sink, url string, log *bytes.Buffer) {
	t.Helper()
	log = &bytes.Buffer{}
	s = New(config.DeadLetter{MaxBodyBytes: 8 << 10, MaxLoggedBytes: 4 << 10}, zerolog.New(log))
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return s, server.URL, log
}

// letter is an event as Knative's dispatcher dead-letters it.
func letter(t *testing.T, contentType string, data []byte) event.Event {
	t.Helper()
	e := event.New()
	e.SetID("e1")
	e.SetType("io.prometheus.alertmanager.alert.firing")
	e.SetSource("/alertmanager/default")
	e.SetSubject("KubePodCrashLooping/0123456789abcdef")
	e.SetExtension("correlationid", "c1")
	e.SetExtension("alertname", "KubePodCrashLooping")
	e.SetExtension("pod", "frontend-1")
	e.SetExtension("knativebrokerttl", "254")
	e.SetExtension("knativearrivaltime", "2026-11-20T10:00:00Z")
	e.SetExtension(errorDest, "http://job-runner.quench.svc.cluster.local")
	e.SetExtension(errorCode, "503")
	e.SetExtension(errorData, base64.StdEncoding.EncodeToString([]byte("lock rule/a: held by another\n")))
	if err := e.SetData(contentType, data); err != nil {
		t.Fatal(err)
	}
	return e
}

// answer is what the sink says.
type answer struct {
	code   int
	header http.Header
	body   string
}

func send(t *testing.T, url string, structured bool, e event.Event) answer {
	t.Helper()
	ctx := t.Context()
	if structured {
		ctx = binding.WithForceStructured(ctx)
	}
	req, err := cehttp.NewHTTPRequestFromEvent(ctx, url, e)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// line is the only line of the log.
func line(t *testing.T, log *bytes.Buffer) map[string]any {
	t.Helper()
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Fatalf("%d lines: %s", n, log)
	}
	var l map[string]any
	if err := json.Unmarshal(log.Bytes(), &l); err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	return l
}

func TestDeadLetter(t *testing.T) {
	for name, structured := range map[string]bool{"binary": false, "structured": true} {
		t.Run(name, func(t *testing.T) {
			s, url, log := start(t)
			a := send(t, url, structured, letter(t, "application/json", []byte(`{"status":"firing"}`)))
			if a.code != http.StatusNoContent || a.body != "" || a.header.Get("Ce-Id") != "" {
				t.Errorf("answer %+v", a)
			}
			l := line(t, log)
			for field, want := range map[string]string{
				"level": "error", "message": "dead letter",
				"event_id": "e1", "correlation_id": "c1", "alertname": "KubePodCrashLooping",
				"type": "io.prometheus.alertmanager.alert.firing", "source": "/alertmanager/default",
				"subject":     "KubePodCrashLooping/0123456789abcdef",
				"destination": "http://job-runner.quench.svc.cluster.local", "code": "503", "reason": "lock rule/a: held by another",
			} {
				if l[field] != want {
					t.Errorf("%s is %v, want %s", field, l[field], want)
				}
			}
			if n := testutil.ToFloat64(s.letters.WithLabelValues("503")); n != 1 {
				t.Errorf("counted %v", n)
			}
		})
	}
}

// What is logged can be posted to the Broker again, and is the event as the
// adapter sent it, byte for byte.
func TestLoggedEventCanBeSentAgain(t *testing.T) {
	for name, test := range map[string]struct{ contentType, data string }{
		"compact":               {"application/json", `{"a":"<&>\u2028"}`},
		"more than one line":    {"application/json", "{\n \"a\": 1.0\r\n}\n"},
		"no JSON although said": {"application/json", `{"a":`},
		"text":                  {"text/plain", "a\nb"},
		"a number as text":      {"text/plain", "42"},
		"bytes":                 {"application/octet-stream", "\x00\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			_, url, log := start(t)
			sent := letter(t, test.contentType, nil)
			sent.DataEncoded = []byte(test.data)
			if a := send(t, url, false, sent); a.code != http.StatusNoContent {
				t.Fatalf("answer %+v", a)
			}
			line(t, log)
			var raw struct{ Event json.RawMessage }
			if err := json.Unmarshal(log.Bytes(), &raw); err != nil {
				t.Fatal(err)
			}
			var again event.Event
			if err := json.Unmarshal(raw.Event, &again); err != nil {
				t.Fatalf("%v: %s", err, raw.Event)
			}
			if err := again.Validate(); err != nil {
				t.Error(err)
			}
			if string(again.Data()) != test.data || again.DataContentType() != test.contentType {
				t.Errorf("data is %s %q, want %q", again.DataContentType(), again.Data(), test.data)
			}
			if again.ID() != "e1" || again.Extensions()["pod"] != "frontend-1" {
				t.Errorf("event %s", raw.Event)
			}
			for _, name := range ours {
				if again.Extensions()[name] != nil {
					t.Errorf("%s is %v", name, again.Extensions()[name])
				}
			}
		})
	}
}

func TestLargeDataIsLeftOut(t *testing.T) {
	_, url, log := start(t)
	send(t, url, false, letter(t, "application/json", []byte(`"`+strings.Repeat("x", 5000)+`"`)))
	l := line(t, log)
	e, _ := l["event"].(map[string]any)
	if l["data_left_out"] != 5002.0 || e["id"] != "e1" || e["data"] != nil || log.Len() > 2000 {
		t.Errorf("%.300s", log)
	}
}

func TestReason(t *testing.T) {
	long := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("ü", 700)))[:1024] // as Knative cuts it, within an ü or not
	for name, test := range map[string]struct{ data, want string }{
		"nothing":     {"", ""},
		"encoded":     {"aGVsZA==", "held"},
		"not encoded": {"held by another", "held by another"},
		"cut":         {long, strings.Repeat("ü", 384)},
		"cut between": {base64.StdEncoding.EncodeToString([]byte("a€")[:3]), "a"},
		"no text":     {"/////w==", "/////w=="},
	} {
		t.Run(name, func(t *testing.T) {
			if got := reason(test.data); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		method, contentType, body string
		header                    map[string]string
		code                      int
		says                      string
	}{
		"no event":           {"POST", "application/json", "{}", nil, 400, "want a CloudEvent"},
		"no body":            {"POST", "", "", nil, 400, "want a CloudEvent"},
		"broken JSON":        {"POST", "application/cloudevents+json", "{", nil, 400, "want a CloudEvent"},
		"without a type":     {"POST", "application/cloudevents+json", `{"specversion":"1.0","id":"a","source":"/"}`, nil, 400, "type"},
		"batch":              {"POST", "application/cloudevents-batch+json", "[]", nil, 400, "want a CloudEvent"},
		"long and no event":  {"POST", "application/cloudevents+json", `{"specversion":"1.0","id":"a","source":"/","type":"t","` + strings.Repeat("x", 2000) + `":[]}`, nil, 400, ""},
		"too large":          {"POST", "application/json", strings.Repeat("x", 9000), map[string]string{"Ce-Id": "e1"}, 413, "too large"},
		"compressed":         {"POST", "application/json", "{}", map[string]string{"Content-Encoding": "gzip"}, 415, "uncompressed"},
		"not posted":         {"PUT", "application/json", "{}", nil, 405, "POST a CloudEvent"},
		"read":               {"GET", "", "", nil, 405, "POST a CloudEvent"},
		"a probe of no path": {"HEAD", "", "", nil, 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, url, log := start(t)
			req, err := http.NewRequestWithContext(t.Context(), test.method, url, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", test.contentType)
			for k, v := range test.header {
				req.Header.Set(k, v)
			}
			a := do(t, req)
			if a.code != test.code || !strings.Contains(a.body, test.says) || len(a.body) > 300 {
				t.Errorf("%d %q, want %d %q", a.code, a.body, test.code, test.says)
			}
			if test.code == 405 {
				return
			}
			if l := line(t, log); l["level"] != "warn" || l["event_id"] != test.header["Ce-Id"] {
				t.Errorf("log says %s", log)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	s, url, _ := start(t)
	for _, code := range []string{"503", "503", "404", "-1", "99999", "x"} {
		e := letter(t, "application/json", []byte("{}"))
		e.SetExtension(errorCode, code)
		send(t, url, true, e)
	}
	req, err := http.NewRequest(http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	body := do(t, req).body
	for _, want := range []string{
		`quench_dead_letters_total{code="503"} 2`, `quench_dead_letters_total{code="404"} 1`, `quench_dead_letters_total{code="unknown"} 3`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if problems, err := testutil.GatherAndLint(s.registry); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
