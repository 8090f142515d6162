package broker_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/broker"
)

const alerts, outcomes = "|[{exact: {type: alert}}]|", "|[{exact: {type: outcome}}]|"

func TestReplyGoesToOtherTriggers(t *testing.T) {
	notifier := &recorder{}
	a := replies(func(int) *event.Event { return outcome("o") })
	var mu sync.Mutex
	var seen []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprintf(format, args...))
	}
	br := start(t, functions{"a": a, "notifier": notifier}, broker.Options{Observe: broker.Observer{
		Received: func(e event.Event, triggers []string) { note("%s to %s", e.ID(), strings.Join(triggers, ",")) },
		Answered: func(e event.Event, trigger string, reply *event.Event, err error) {
			note("%s: %s replied %v, %v", e.ID(), trigger, reply != nil, err)
		},
	}}, "a"+alerts, "notifier"+outcomes)
	if err := br.Send(t.Context(), alert("1")); err != nil {
		t.Fatal(err)
	}
	if notifier.ids() != "o" {
		t.Errorf("the notifier got %q", notifier.ids())
	}
	if _, ok := notifier.got()[0].Extensions()["knativebrokerttl"]; ok {
		t.Error("a subscriber sees the reply's knativebrokerttl")
	}
	want := "1 to default/a; 1: default/a replied true, <nil>; o to default/notifier; o: default/notifier replied false, <nil>"
	if got := strings.Join(seen, "; "); got != want {
		t.Errorf("observed %s, want %s", got, want)
	}
}

// TestLoopEnds has a subscriber that answers its own replies. An event of TTL n has n-1 replies taken, and the last is
// refused: a failed delivery, which is dead-lettered where it happened.
func TestLoopEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		ttl   int32
		hops  any // the event's own knativebrokerttl
		state string
		takes int
	}{
		"as on Knative":       {0, nil, "", 255},
		"short":               {3, nil, "", 3},
		"no replies":          {1, nil, "", 1},
		"the event's own":     {0, 5, "", 4},
		"the event's, string": {0, "5", "", 4},
		"not a number":        {3, "x", "", 3},
		"reply sets its own":  {3, nil, "1000", 3},
	} {
		t.Run(name, func(t *testing.T) {
			dead := &recorder{}
			a := replies(func(n int) *event.Event {
				reply := outcome(fmt.Sprint(n))
				if tc.state != "" {
					reply.SetExtension("knativebrokerttl", tc.state)
				}
				return reply
			})
			br := start(t, functions{"a": a, "dead": dead}, broker.Options{TTL: tc.ttl},
				"a||{retry: 2, deadLetterSink: "+ref("dead")+"}")
			e := alert("0")
			if tc.hops != nil {
				e.SetExtension("knativebrokerttl", tc.hops)
			}
			if err := br.Send(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			if n := len(a.got()); n != tc.takes {
				t.Errorf("%d deliveries, want %d", n, tc.takes)
			}
			letters := dead.got()
			if len(letters) != 1 || letters[0].ID() != fmt.Sprint(tc.takes-1) {
				t.Fatalf("dead-lettered %q, want the last that was delivered", dead.ids())
			}
			x := letters[0].Extensions()
			if x["knativeerrorcode"] != "400" || x["knativeerrordest"] != "broker:default/default" {
				t.Errorf("dead letter says %v", x)
			}
		})
	}
}

func TestLoopIsAnErrorWithoutDeadLetterSink(t *testing.T) {
	a := replies(func(n int) *event.Event { return outcome(fmt.Sprint(n)) })
	br := start(t, functions{"a": a}, broker.Options{TTL: 3}, "a||{retry: 5}")
	err := br.Send(t.Context(), alert("0"))
	if err == nil || !strings.Contains(err.Error(), "no hop left") {
		t.Errorf("error %v", err)
	}
	if n := len(a.got()); n != 3 {
		t.Errorf("%d deliveries, want 3: a refused reply is not retried, hop by hop", n)
	}
}

func TestEventWithoutHopsIsRefused(t *testing.T) {
	a := &recorder{}
	br := start(t, functions{"a": a}, broker.Options{}, "a")
	e := alert("1")
	e.SetExtension("knativebrokerttl", 1)
	if err := br.Send(t.Context(), e); err == nil || a.ids() != "" {
		t.Errorf("error %v, delivered %q", err, a.ids())
	}
}

// TestSubscriberThatSends has a subscriber that sends in rather than replies.
func TestSubscriberThatSends(t *testing.T) {
	var br *broker.Broker
	n := 0
	a := broker.SubscriberFunc(func(ctx context.Context, _ event.Event) (*event.Event, error) {
		n++
		return nil, br.Send(ctx, *outcome(fmt.Sprint(n)))
	})
	br = start(t, functions{"a": a}, broker.Options{TTL: 4}, "a")
	if err := br.Send(t.Context(), alert("0")); err == nil {
		t.Error("no error")
	}
	if n != 4 {
		t.Errorf("%d deliveries, want 4", n)
	}
}

func TestReplyThatIsNoEventFails(t *testing.T) {
	for name, reply := range map[string]*event.Event{"empty": {}, "no id": outcome("")} {
		t.Run(name, func(t *testing.T) {
			dead := &recorder{}
			a := replies(func(int) *event.Event { return reply })
			err := start(t, functions{"a": a}, broker.Options{}, "a||{retry: 3}").Send(t.Context(), alert("1"))
			if err == nil || !strings.Contains(err.Error(), "deliver reply") {
				t.Errorf("error %v", err)
			}
			if len(a.got()) != 1 {
				t.Errorf("%d attempts, want 1: the subscriber has acted", len(a.got()))
			}
			br := start(t, functions{"a": a, "dead": dead}, broker.Options{}, "a||{deadLetterSink: "+ref("dead")+"}")
			if err := br.Send(t.Context(), alert("1")); err != nil || dead.ids() != "1" {
				t.Errorf("error %v, dead-lettered %q", err, dead.ids())
			}
		})
	}
}

// TestReplyThatFails has a reply whose own delivery fails: with a dead-letter sink there it is taken, with one at the
// Trigger that it came from, the event that it answers goes there, and without, Send says so.
func TestReplyThatFails(t *testing.T) {
	for name, tc := range map[string]struct {
		first, second string
		dead          string
		fails         bool
	}{
		"no sink":        {"", "", "", true},
		"sink of second": {"", "{deadLetterSink: " + ref("dead") + "}", "o", false},
		"sink of first":  {"{deadLetterSink: " + ref("dead") + "}", "", "1", false},
	} {
		t.Run(name, func(t *testing.T) {
			dead := &recorder{}
			a := replies(func(int) *event.Event { return outcome("o") })
			b := fails(&broker.StatusError{Code: 422})
			br := start(t, functions{"a": a, "b": b, "dead": dead}, broker.Options{}, "a"+alerts+tc.first, "b"+outcomes+tc.second)
			if err := br.Send(t.Context(), alert("1")); (err != nil) != tc.fails {
				t.Errorf("error %v", err)
			}
			if dead.ids() != tc.dead || len(a.got()) != 1 {
				t.Errorf("dead-lettered %q, %d deliveries", dead.ids(), len(a.got()))
			}
		})
	}
}
