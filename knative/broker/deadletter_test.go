package broker_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"knative.dev/eventing/pkg/eventingtls"
	"knative.dev/eventing/pkg/kncloudevents"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"github.com/quench-dev/quench/knative/broker"
)

func TestDeadLetter(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		code string
		data string
	}{
		"status":         {&broker.StatusError{Code: 422, Body: []byte("no such pod")}, "422", "no such pod"},
		"sdk-go result":  {cehttp.NewResult(410, "gone"), "410", "410: gone"},
		"no answer":      {errors.New("no route"), "500", "no route"},
		"long, is cut":   {&broker.StatusError{Code: 500, Body: []byte(strings.Repeat("x", 2000))}, "500", strings.Repeat("x", 768)},
		"long, at limit": {&broker.StatusError{Code: 500, Body: []byte(strings.Repeat("x", 768))}, "500", strings.Repeat("x", 768)},
	} {
		t.Run(name, func(t *testing.T) {
			dead := &recorder{answer: func(int, event.Event) (*event.Event, error) { return outcome("ignored"), nil }}
			a, b := fails(tc.err), &recorder{}
			var caused error
			br := start(t, functions{"a": a, "b": b, "dead": dead}, broker.Options{Observe: broker.Observer{
				DeadLettered: func(_ event.Event, _ string, cause error) { caused = cause },
			}}, "a|[{exact: {type: alert}}]|{retry: 2, deadLetterSink: "+ref("dead")+"}", "b")
			if err := br.Send(t.Context(), alert("1")); err != nil {
				t.Fatalf("a dead-lettered event is an error: %v", err)
			}
			if dead.ids() != "1" || b.ids() != "1" {
				t.Fatalf("dead-lettered %q; b got %q, which a reply of the sink must not reach", dead.ids(), b.ids())
			}
			letter := dead.got()[0]
			want := map[string]any{
				"knativeerrordest": "function:a", "knativeerrorcode": tc.code, "alertname": "DiskFull",
				"knativeerrordata": base64.StdEncoding.EncodeToString([]byte(tc.data)), "knativebrokerttl": "255",
			}
			for name, value := range want {
				if got := letter.Extensions()[name]; got != value {
					t.Errorf("%s is %v, want %v", name, got, value)
				}
			}
			if string(letter.Data()) != `{"status":"firing"}` {
				t.Errorf("data: %s", letter.Data())
			}
			if !errors.Is(caused, tc.err) {
				t.Errorf("observed %v", caused)
			}
		})
	}
}

func TestDeadLetterSinkFails(t *testing.T) {
	dead := &recorder{answer: func(n int, _ event.Event) (*event.Event, error) {
		if n < 3 {
			return nil, &broker.StatusError{Code: 503, Body: []byte("sink is full")}
		}
		return nil, nil
	}}
	a := fails(&broker.StatusError{Code: 400})
	for name, tc := range map[string]struct {
		retry string
		fails bool
	}{"retried like the subscriber": {"2", false}, "in vain": {"1", true}} {
		t.Run(name, func(t *testing.T) {
			dead.events = nil
			br := start(t, functions{"a": a, "dead": dead}, broker.Options{}, "a||{retry: "+tc.retry+", deadLetterSink: "+ref("dead")+"}")
			err := br.Send(t.Context(), alert("1"))
			if (err != nil) != tc.fails {
				t.Fatalf("error %v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), "status 400") || !strings.Contains(err.Error(), "sink is full")) {
				t.Errorf("error %q names one cause, want both", err)
			}
		})
	}
}

// TestDeadLetterIsKnatives gives the same failure to Knative's dispatcher and compares what the sinks get.
func TestDeadLetterIsKnatives(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "knative-eventing")
	for name, tc := range map[string]struct {
		code int
		body string
	}{
		"empty": {500, ""}, "text": {422, "no such pod"}, "bytes": {503, "\x00\xff\n"}, "limit": {500, strings.Repeat("x", 768)},
	} {
		t.Run(name, func(t *testing.T) {
			letters := make(chan *event.Event, 1)
			sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				e, err := cehttp.NewEventFromHTTPRequest(r)
				if err != nil {
					t.Error(err)
				}
				letters <- e
			}))
			defer sink.Close()
			subscriber := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.code)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer subscriber.Close()

			dispatcher := kncloudevents.NewDispatcher(eventingtls.ClientConfig{}, nil)
			target := func(text string) duckv1.Addressable {
				url, err := apis.ParseURL(text)
				if err != nil {
					t.Fatal(err)
				}
				return duckv1.Addressable{URL: url}
			}
			sinkTarget := target(sink.URL)
			_, err := dispatcher.SendEvent(t.Context(), alert("1"), target(subscriber.URL), kncloudevents.WithDeadLetterSink(&sinkTarget))
			if err != nil {
				t.Fatal(err)
			}
			want := wait(t, letters).Extensions()

			br := start(t, nil, broker.Options{}, "a||{deadLetterSink: {uri: \""+sink.URL+"\"}}|{uri: \""+subscriber.URL+"\"}")
			if err := br.Send(t.Context(), alert("1")); err != nil {
				t.Fatal(err)
			}
			got := wait(t, letters).Extensions()
			for _, name := range []string{"knativeerrordest", "knativeerrorcode", "knativeerrordata"} {
				if got[name] != want[name] {
					t.Errorf("%s is %v, Knative's is %v", name, got[name], want[name])
				}
			}
		})
	}
}
