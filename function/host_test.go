package function_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
)

// Knative's dispatcher fails on the answer of an event that goes to a dead-letter sink when it is above 768 bytes.
func TestHandlerCutsLongErrors(t *testing.T) {
	w := &functiontest.World{Clock: &functiontest.Clock{}}
	f := build(t, w, one(step{function.Plan{Target: target}, done}), func(o *function.Options) {})
	e := firing(t, w)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
	if err := cehttp.WriteRequest(t.Context(), binding.ToMessage(&e), r); err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Ce-Specversion", strings.Repeat("ü", 1000))
	answer := httptest.NewRecorder()
	function.Handler(f, 1<<20).ServeHTTP(answer, r)
	if body := answer.Body.String(); answer.Code < 400 || len(body) > 600 || !utf8.ValidString(body) {
		t.Errorf("%d, %d bytes: %s", answer.Code, len(body), body)
	}
}

func TestHandler(t *testing.T) {
	w := &functiontest.World{Clock: &functiontest.Clock{}}
	dry := build(t, w, one(step{function.Plan{Target: target, Summary: "roll back"}, done}), func(o *function.Options) { o.DryRun = true })
	away := build(t, w, one(step{function.Plan{Target: target}, done}), func(o *function.Options) { o.Locks, o.Records = unreachable{}, unreachable{} })
	e := firing(t, w)
	structured, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	other := e.Clone()
	other.SetType("dev.quench.action.succeeded")
	binary := func(e event.Event) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/any/path", http.NoBody)
		if err := cehttp.WriteRequest(t.Context(), binding.ToMessage(&e), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	post := func(kind, body string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		return r
	}
	bad := binary(e)
	bad.Header.Del("Ce-Source")
	for name, test := range map[string]struct {
		f       *function.Function
		request *http.Request
		status  int
		reply   string
		says    string
	}{
		"binary":             {dry, binary(e), 200, "dev.quench.action.planned", ""},
		"structured":         {dry, post("application/cloudevents+json", string(structured)), 200, "dev.quench.action.planned", ""},
		"an outcome":         {dry, binary(other), 200, "", ""},
		"may pass":           {away, binary(e), 503, "", "API server away"},
		"no event":           {dry, post("application/json", `{"alerts":[]}`), 400, "", "want a CloudEvent"},
		"batch":              {dry, post("application/cloudevents-batch+json", "[]"), 400, "", "want a CloudEvent"},
		"structured garbage": {dry, post("application/cloudevents+json", `{"specversion":`), 400, "", "want a CloudEvent"},
		"structured no id":   {dry, post("application/cloudevents+json", `{"specversion":"1.0","type":"x","source":"y"}`), 400, "", "id"},
		"no source":          {dry, bad, 400, "", "source"},
		"too large":          {dry, post("application/cloudevents+json", strings.Repeat(" ", 1<<20+1)), 413, "", ""},
		"GET":                {dry, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), 405, "", "POST"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			function.Handler(test.f, 1<<20).ServeHTTP(w, test.request)
			if w.Code != test.status || w.Header().Get("Ce-Type") != test.reply || !strings.Contains(w.Body.String(), test.says) {
				t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
			}
			if test.status == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if test.status == 200 && test.reply == "" && w.Body.Len() > 0 {
				t.Errorf("body %q, want none", w.Body)
			}
		})
	}
}

// The trace that an event is in, else its sender's, is the outcome's; what is no trace goes no further.
func TestHandlerCarriesTheTrace(t *testing.T) {
	const own, hop = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-11f7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	for name, test := range map[string]struct{ attribute, header, want string }{
		"the event's":     {own, hop, own},
		"its sender's":    {"", hop, hop},
		"not well formed": {"00-1", "", ""},
		"mended":          {"00-1", hop, hop},
		"none":            {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := &functiontest.World{Clock: &functiontest.Clock{}}
			var log bytes.Buffer
			dry := build(t, w, one(step{function.Plan{Target: target}, done}), func(o *function.Options) {
				o.DryRun, o.Log = true, zerolog.New(&log)
			})
			e := firing(t, w)
			if test.attribute != "" {
				e.SetExtension("traceparent", test.attribute)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
			if err := cehttp.WriteRequest(t.Context(), binding.ToMessage(&e), r); err != nil {
				t.Fatal(err)
			}
			r.Header.Set("traceparent", test.header)
			answer := httptest.NewRecorder()
			function.Handler(dry, 1<<20).ServeHTTP(answer, r)
			if got := answer.Header().Get("Ce-Traceparent"); answer.Code != 200 || got != test.want {
				t.Errorf("%d, the outcome's trace is %q, want %q", answer.Code, got, test.want)
			}
			if id := alert.ParseTrace(test.want, "").ID(); !strings.Contains(log.String(), `"trace_id":"`+id+`"`) {
				t.Errorf("the log does not name trace %q: %s", id, &log)
			}
		})
	}
}

func FuzzHandler(f *testing.F) {
	f.Add("application/cloudevents+json", []byte(`{"specversion":"1.0","id":"1","type":"io.prometheus.alertmanager.alert.firing","source":"y","data":{}}`))
	f.Add("application/json", []byte(`{}`))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		w := &functiontest.World{Clock: &functiontest.Clock{}}
		dry := build(t, w, one(step{function.Plan{Target: target}, done}), func(o *function.Options) { o.DryRun = true })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", io.NopCloser(bytes.NewReader(body)))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Ce-Specversion", "1.0")
		r.Header.Set("Ce-Id", "1")
		r.Header.Set("Ce-Source", "x")
		r.Header.Set("Ce-Type", "io.prometheus.alertmanager.alert.firing")
		answer := httptest.NewRecorder()
		function.Handler(dry, 1<<20).ServeHTTP(answer, r)
		if answer.Code >= 500 {
			t.Errorf("%d: %s", answer.Code, answer.Body)
		}
	})
}
