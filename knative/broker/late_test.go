package broker_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/broker"
)

// gate is a subscriber that answers when it is told to.
type gate struct {
	begun   chan struct{}
	release chan struct{}
	reply   *event.Event
	err     error
	ended   chan error // what the context said at the end
}

func newGate(reply *event.Event, err error) *gate {
	return &gate{begun: make(chan struct{}, 9), release: make(chan struct{}), ended: make(chan error, 9), reply: reply, err: err}
}

func (g *gate) Deliver(ctx context.Context, _ event.Event) (*event.Event, error) {
	g.begun <- struct{}{}
	<-g.release
	g.ended <- ctx.Err()
	return g.reply, g.err
}

func begun(_ string, e event.Event) event.Event {
	started := *outcome("started-" + e.ID())
	started.SetType("started")
	return started
}

func TestAckAfter(t *testing.T) {
	slow := newGate(outcome("o"), nil)
	var mu sync.Mutex
	var ids []string
	received := func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(ids, " ")
	}
	br := start(t, functions{"a": slow}, broker.Options{
		AckAfter: 1, Started: begun,
		Observe: broker.Observer{Received: func(e event.Event, _ []string) {
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, e.ID())
		}},
	}, "a"+alerts)
	ctx, cancel := context.WithCancel(t.Context())
	if err := br.Send(ctx, alert("1")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if got := received(); got != "1 started-1" {
		t.Errorf("at the acknowledgement the broker had got %q", got)
	}
	if err := br.Drain(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "1 deliveries") {
		t.Errorf("drained while one is in the background: %v", err)
	}
	close(slow.release)
	if err := br.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := received(); got != "1 started-1 o" {
		t.Errorf("in the end the broker had got %q", got)
	}
	if err := wait(t, slow.ended); err != nil {
		t.Errorf("the function was told to end: %v", err)
	}
	if err := br.Drain(ctx); err != nil {
		t.Errorf("nothing left to drain: %v", err)
	}
}

func TestAckAfterIsNotNeeded(t *testing.T) {
	notifier := &recorder{}
	br := start(t, functions{"a": replies(func(int) *event.Event { return outcome("o") }), "notifier": notifier},
		broker.Options{AckAfter: time.Hour, Started: begun}, "a"+alerts, "notifier"+outcomes)
	if err := br.Send(t.Context(), alert("1")); err != nil || notifier.ids() != "o" {
		t.Errorf("error %v, the notifier got %q", err, notifier.ids())
	}
}

// TestAckAtTheDeadline has a delivery whose deadline comes first: it is not tried again beside the one that goes on.
func TestAckAtTheDeadline(t *testing.T) {
	slow := newGate(nil, nil)
	br := start(t, functions{"a": slow}, broker.Options{AckAfter: time.Hour, Started: begun, Timeout: 1}, "a"+alerts+"{retry: 5}")
	if err := br.Send(t.Context(), alert("1")); err != nil {
		t.Fatal(err)
	}
	close(slow.release)
	if err := br.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(slow.begun); n != 1 {
		t.Errorf("begun %d times", n)
	}
}

func TestFailureInTheBackground(t *testing.T) {
	for name, tc := range map[string]struct {
		reply *event.Event
		err   error
		code  string
	}{
		"of the function": {nil, &broker.StatusError{Code: 503}, "503"},
		"of the reply":    {outcome(""), nil, "400"},
	} {
		t.Run(name, func(t *testing.T) {
			dead := &recorder{}
			slow := newGate(tc.reply, tc.err)
			failed := make(chan error, 1)
			for _, sink := range []string{"", ", deadLetterSink: " + ref("dead")} {
				br := start(t, functions{"a": slow, "dead": dead}, broker.Options{
					AckAfter: 1, Started: begun,
					Observe: broker.Observer{Failed: func(_ event.Event, _ string, err error) { failed <- err }},
				}, "a"+alerts+"{retry: 2"+sink+"}")
				if err := br.Send(t.Context(), alert("1")); err != nil {
					t.Fatal(err)
				}
				slow.release <- struct{}{}
				if err := br.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := wait(t, failed); err == nil || len(failed) > 0 {
				t.Errorf("observed %v, and %d more", err, len(failed))
			}
			if dead.ids() != "1" || dead.got()[0].Extensions()["knativeerrorcode"] != tc.code {
				t.Errorf("dead-lettered %v", dead.got())
			}
		})
	}
}

// TestBackgroundIsBounded has a second function late when one is in the background already: it is waited for.
func TestBackgroundIsBounded(t *testing.T) {
	slow := newGate(nil, nil)
	br := start(t, functions{"a": slow}, broker.Options{AckAfter: 1, Started: begun, Concurrency: 1}, "a"+alerts)
	if err := br.Send(t.Context(), alert("1")); err != nil {
		t.Fatal(err)
	}
	wait(t, slow.begun)
	sent := make(chan error, 1)
	go func() { sent <- br.Send(t.Context(), alert("2")) }()
	wait(t, slow.begun)
	slow.release <- struct{}{}
	slow.release <- struct{}{}
	if err := wait(t, sent); err != nil {
		t.Error(err)
	}
	if err := br.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLateLoopEnds has a function that is late with a reply to itself: the hops are counted in the background too.
func TestLateLoopEnds(t *testing.T) {
	started, n := make(chan struct{}), 0
	a := broker.SubscriberFunc(func(context.Context, event.Event) (*event.Event, error) {
		<-started
		n++
		return outcome("o"), nil
	})
	br := start(t, functions{"a": a}, broker.Options{
		AckAfter: 1, TTL: 4,
		Started: func(name string, e event.Event) event.Event {
			defer func() { started <- struct{}{} }()
			return begun(name, e)
		},
	}, "a|[{not: {exact: {type: started}}}]")
	if err := br.Send(t.Context(), alert("1")); err != nil {
		t.Fatal(err)
	}
	if err := br.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n != 4 {
		t.Errorf("%d deliveries, want 4", n)
	}
}

func TestAckAfterAlone(t *testing.T) {
	slow := newGate(outcome("o"), nil)
	fed := make(chan event.Event, 1)
	late := broker.AckAfter(slow, 1, func(_ context.Context, e event.Event) error { fed <- e; return nil },
		func(e event.Event) event.Event { return begun("a", e) })
	reply, err := late.Deliver(t.Context(), alert("1"))
	if err != nil || reply.ID() != "started-1" {
		t.Fatalf("reply %v, error %v", reply, err)
	}
	close(slow.release)
	if e := wait(t, fed); e.ID() != "o" {
		t.Errorf("fed %s", e.ID())
	}
	if err := late.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}
