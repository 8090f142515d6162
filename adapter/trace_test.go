package adapter

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
)

const (
	traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	traceID     = "0af7651916cd43dd8448eb211c80319c"
)

// headers keeps the headers of requests whose answer is 202.
type headers struct {
	mu  sync.Mutex
	all []http.Header
}

func (h *headers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.all = append(h.all, r.Header)
	h.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// The trace that a webhook comes in goes on in every event, as attribute for functions and as header for brokers.
func TestTraceOfAWebhookIsEveryEvents(t *testing.T) {
	var came headers
	sink := httptest.NewServer(&came)
	t.Cleanup(sink.Close)
	_, url, log := start(t, settings(t, sink.URL, func(c *config.Adapter) { c.GroupEvents = true }))
	r := request(t.Context(), t, url, bytes.NewReader(webhookOf("a", "b")))
	r.Header.Set("traceparent", traceParent)
	r.Header.Set("tracestate", "rojo=1")
	if code, text := do(t, r); code != http.StatusOK {
		t.Fatal(code, text)
	}
	if len(came.all) != 3 {
		t.Fatalf("%d events, want two alerts and their group", len(came.all))
	}
	for _, h := range came.all {
		for name, want := range map[string]string{
			"traceparent": traceParent, "Ce-Traceparent": traceParent, "tracestate": "rojo=1", "Ce-Tracestate": "rojo=1",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	if strings.Contains(log.String(), "trace_id") {
		t.Errorf("a webhook that all is well with is told above debug: %s", log)
	}
}

// Without one the adapter begins a trace, one for the webhook and its retries, that nobody asked to have sampled.
func TestTraceIsBegunWhereNoneCame(t *testing.T) {
	for name, header := range map[string]string{"none": "", "not well formed": "00-0af7-b7ad-01"} {
		t.Run(name, func(t *testing.T) {
			s := newSink(t)
			var refused alert.Trace
			s.answers(func(e event.Event) int {
				if pod(e) == "a" {
					return http.StatusAccepted
				}
				refused = alert.EventTrace(e)
				return http.StatusServiceUnavailable
			})
			_, url, log := start(t, settings(t, s.URL, nil))
			send := func() int {
				r := request(t.Context(), t, url, bytes.NewReader(webhookOf("a", "b")))
				if header != "" {
					r.Header.Set("traceparent", header)
				}
				code, _ := do(t, r)
				return code
			}
			if code := send(); code != http.StatusServiceUnavailable {
				t.Fatal(code)
			}
			s.answers(nil)
			if code := send(); code != http.StatusOK {
				t.Fatal(code)
			}
			if !refused.Valid() || !strings.HasSuffix(refused.Parent(), "-00") {
				t.Errorf("began %q, want a trace that is not sampled", refused.Parent())
			}
			if got := s.events(); len(got) != 2 || alert.EventTrace(got[0]) != refused || alert.EventTrace(got[1]) != refused {
				t.Errorf("events %v, want two of trace %s", got, refused.ID())
			}
			if !strings.Contains(log.String(), `"trace_id":"`+refused.ID()+`"`) {
				t.Errorf("the log does not name trace %s: %s", refused.ID(), log)
			}
		})
	}
}

// A trace changes neither who an event is nor what is signed, and a label of its name is no trace.
func TestTraceIsNoPartOfIdentity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	keys := newKey(t, file)
	s := newSink(t)
	_, url, _ := start(t, settings(t, s.URL, func(c *config.Adapter) { c.SigningKeyFile = file }))
	body := bytes.Replace(webhookOf("a"), []byte(`"pod":`), []byte(`"traceparent":"00-mine","pod":`), 1)
	post(t, url, body)
	r := request(t.Context(), t, url, bytes.NewReader(body))
	r.Header.Set("traceparent", traceParent)
	do(t, r)
	got := s.events()
	wantSigned(t, keys, got)
	if len(got) != 2 || got[0].ID() != got[1].ID() || alert.EventTrace(got[0]) == alert.EventTrace(got[1]) {
		t.Fatalf("want one event in two traces, got %v", got)
	}
	if e := got[1]; alert.EventTrace(e).ID() != traceID || e.Extensions()["labeltraceparent"] != "00-mine" {
		t.Errorf("attributes %v", e.Extensions())
	}
}
