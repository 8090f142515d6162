package function_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
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

// An alert that nobody has signed reaches no Listener that asks for a signature, and nor does one of long ago; events that
// are no alerts do.
func TestListeningVerifies(t *testing.T) {
	k := newKeys(t)
	world := &functiontest.World{Clock: &functiontest.Clock{}}
	heard := 0
	f := function.Listening(listener(func() (*event.Event, error) { heard++; return nil, nil }), function.Options{
		Verify: function.Provenance{Keys: k.folder}, MaxEventAge: time.Hour, Now: world.Clock.Now,
	})
	genuine := sign(t, k.adapter, firing(t, world))
	altered := genuine.Clone()
	altered.SetID("another")
	broken := sign(t, k.adapter, functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "A"}), world.Clock.Now()))
	broken.SetExtension(alert.AttrRecordedTime, "yesterday")
	other := event.New()
	other.SetID("1")
	other.SetSource("/")
	other.SetType("any")
	old := firing(t, world)
	world.Clock.Advance(30 * time.Minute)
	for name, test := range map[string]struct {
		e     event.Event
		later time.Duration
		heard int
	}{
		"signed":                      {genuine, 0, 1},
		"unsigned":                    {firing(t, world), 0, 0},
		"altered":                     {altered, 0, 0},
		"signed by strangers":         {sign(t, k.stranger, firing(t, world)), 0, 0},
		"unreadable":                  {broken, 0, 0},
		"no alert":                    {other, 0, 1},
		"signed long ago":             {sign(t, k.adapter, old.Clone()), 2 * time.Hour, 0},
		"signed long ago by operator": {sign(t, k.alice, old.Clone()), 2 * time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			heard = 0
			world.Clock.Advance(test.later)
			reply, err := f.Handle(t.Context(), test.e)
			world.Clock.Advance(-test.later)
			if reply != nil || err != nil || heard != test.heard {
				t.Errorf("got %v, %v; heard %d times, want %d", reply, err, heard, test.heard)
			}
		})
	}
	if err := os.RemoveAll(k.folder); err != nil {
		t.Fatal(err)
	}
	heard = 0
	wantRetry(t, f, genuine, "VERIFY_KEYS_FILE: stat "+k.folder)
	if heard != 0 {
		t.Error("heard without keys")
	}
}
