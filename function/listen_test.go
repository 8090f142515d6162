package function_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/function"
)

// listener answers as it is told.
type listener func() (*event.Event, error)

func (listener) Name() string                                                { return "listener" }
func (l listener) Listen(context.Context, event.Event) (*event.Event, error) { return l() }

func TestListening(t *testing.T) {
	reply := event.New()
	reply.SetID("r1")
	reply.SetSource("/quench/listener")
	reply.SetType(function.Succeeded.Type())
	for name, test := range map[string]struct {
		listener listener
		status   int
		id       string
		says     string
	}{
		"an answer":                {func() (*event.Event, error) { return &reply, nil }, http.StatusOK, "r1", ""},
		"nothing to say":           {func() (*event.Event, error) { return nil, nil }, http.StatusOK, "", ""},
		"what is final":            {func() (*event.Event, error) { return nil, function.Fail(function.ReasonForbidden, "no") }, http.StatusOK, "", ""},
		"what is to be kept":       {func() (*event.Event, error) { return nil, function.Refuse("BadToken", "no") }, http.StatusUnprocessableEntity, "", "no"},
		"what may pass":            {func() (*event.Event, error) { return nil, function.Retry(errors.New("away")) }, http.StatusServiceUnavailable, "", "away"},
		"what ends with a network": {func() (*event.Event, error) { return nil, context.DeadlineExceeded }, http.StatusServiceUnavailable, "", "deadline"},
		"a panic":                  {func() (*event.Event, error) { panic("oh") }, http.StatusServiceUnavailable, "", "panic: oh"},
	} {
		t.Run(name, func(t *testing.T) {
			f := function.Listening(test.listener, function.Options{})
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"specversion":"1.0","id":"e1","source":"/","type":"any"}`))
			r.Header.Set("Content-Type", "application/cloudevents+json")
			w := httptest.NewRecorder()
			function.Handler(f, 1<<20).ServeHTTP(w, r)
			if w.Code != test.status || w.Header().Get("Ce-Id") != test.id || !strings.Contains(w.Body.String(), test.says) {
				t.Errorf("got %d, %v, %q", w.Code, w.Header(), w.Body.String())
			}
			if ready, err := f.Ready(t.Context()); !ready || err != nil {
				t.Errorf("ready: %v, %v", ready, err)
			}
		})
	}
}
