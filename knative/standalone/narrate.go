package standalone

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/knative/broker"
)

// narrator gathers what becomes of each event while it is being sent, and tells
// it in one line when all is delivered. An answer that comes later, of a
// function that was answered for as started, is a line of its own.
type narrator struct {
	voice voice

	mu   sync.Mutex
	open map[string][]*story // by event id; two where one is sent twice at once
}

// narrated is the broker as the adapter's sender.
type narrated struct {
	broker   *broker.Broker
	narrator *narrator
}

// Send implements adapter.Sender.
func (n narrated) Send(ctx context.Context, e event.Event) error {
	s := n.narrator.begin(e)
	err := n.broker.Send(ctx, e)
	n.narrator.end(s, err)
	return err
}

func (n *narrator) begin(e event.Event) *story {
	s := newStory(e)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open[e.ID()] = append(n.open[e.ID()], s)
	return s
}

func (n *narrator) end(s *story, err error) {
	n.mu.Lock()
	others := n.open[s.EventID][:0]
	for _, o := range n.open[s.EventID] {
		if o != s {
			others = append(others, o)
		}
	}
	if n.open[s.EventID] = others; len(others) == 0 {
		delete(n.open, s.EventID)
	}
	n.mu.Unlock()
	s.Err = err
	n.voice.tell(*s)
}

func (n *narrator) observer() broker.Observer {
	return broker.Observer{
		Answered: func(e event.Event, trigger string, reply *event.Event, err error) {
			n.add(e, endingOf(trigger, reply, err))
		},
		DeadLettered: func(e event.Event, trigger string, _ error) {
			n.add(e, ending{Trigger: trigger, Outcome: "dead-lettered"})
		},
	}
}

func (n *narrator) add(e event.Event, end ending) {
	n.mu.Lock()
	open := n.open[e.ID()]
	for _, s := range open {
		end.Earlier = !end.At.IsZero() && end.At.Before(s.At)
		s.Ends = append(s.Ends, end)
	}
	n.mu.Unlock()
	if len(open) == 0 && alert.IsAlert(e) {
		s := newStory(e)
		s.Ends = []ending{end}
		n.voice.tell(*s)
	}
}

func newStory(e event.Event) *story {
	s := &story{At: time.Now().UTC(), EventID: e.ID(), TraceID: alert.EventTrace(e).ID(), Alert: e.Subject()}
	if at := strings.LastIndexByte(e.Type(), '.'); at >= 0 {
		s.Status = e.Type()[at+1:]
	}
	a, err := alert.FromEvent(e)
	if err != nil { // a group's event
		return s
	}
	s.Alert, s.CorrelationID = a.Name(), a.CorrelationID()
	where := []string{a.Labels["namespace"]}
	for _, label := range []string{"pod", "deployment", "statefulset", "daemonset", "job_name", "node", "instance"} {
		if v := a.Labels[label]; v != "" {
			where = append(where, v)
			break
		}
	}
	s.Where = strings.Trim(strings.Join(where, "/"), "/")
	return s
}

func endingOf(trigger string, reply *event.Event, err error) ending {
	end := ending{Trigger: trigger, Outcome: "delivered"}
	switch {
	case err != nil:
		end.Outcome, end.Message = "not delivered", err.Error()
	case reply != nil:
		end.Outcome, end.At = strings.TrimPrefix(reply.Type(), function.TypePrefix), reply.Time()
		if reply.Type() == enriched.Type {
			end.Outcome = "enriched"
		}
		var said struct{ Reason, Message, Target string }
		if json.Unmarshal(reply.Data(), &said) == nil {
			end.Reason, end.Message, end.Target = said.Reason, said.Message, said.Target
		}
	}
	return end
}
