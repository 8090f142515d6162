package replay_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/replay"
)

var recorded = time.Date(2026, 11, 20, 22, 0, 5, 0, time.UTC)

// burns is an alert of its own for each number.
func burns(n int) *alert.Alert {
	return functiontest.Alert(map[string]string{"alertname": "Burns", "pod": fmt.Sprintf("frontend-%d", n)})
}

func firing(t *testing.T, n int) event.Event {
	t.Helper()
	return functiontest.Event(t, burns(n), recorded.Add(time.Duration(n)*time.Second))
}

func resolved(t *testing.T, n int) event.Event {
	t.Helper()
	return functiontest.Event(t, functiontest.Resolved(burns(n)), recorded.Add(time.Hour))
}

// outcome is one that a function told about an event.
func outcome(e event.Event) event.Event {
	o := event.New()
	o.SetID("outcome-" + e.ID())
	o.SetType("dev.quench.action.succeeded")
	o.SetSource("/quench/rollback")
	return o
}

// shelf is a source that holds what it is given, in order.
type shelf []event.Event

func (s shelf) List(_ context.Context, q history.Query, most int, each func(history.Entry) error) error {
	m, err := history.NewMatcher(q)
	if err != nil {
		return err
	}
	given := 0
	for i, e := range s {
		entry := history.Entry{Seq: int64(i + 1), Received: recorded, Event: e}
		matches, err := m.Match(&entry)
		if err != nil {
			return err
		}
		if !matches {
			continue
		}
		if err := each(entry); err != nil {
			return err
		}
		if given++; given == most {
			return nil
		}
	}
	return nil
}

// sink keeps what it is sent; answer says how it answers the nth, from 1.
type sink struct {
	mu     sync.Mutex
	got    []event.Event
	answer func(n int, e event.Event) error
}

func (s *sink) Send(ctx context.Context, e event.Event) error {
	s.mu.Lock()
	s.got = append(s.got, e)
	n := len(s.got)
	s.mu.Unlock()
	if s.answer == nil {
		return nil
	}
	return errors.Join(s.answer(n, e), ctx.Err())
}

func (s *sink) ids() []string {
	var ids []string
	for _, e := range s.got {
		ids = append(ids, e.ID())
	}
	return ids
}

// planned is a cursor file with events in it.
func planned(t *testing.T, events ...event.Event) (j *replay.Journal, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state", "cursor.jsonl")
	j = open(t, path)
	run := replay.NewRun(time.Now(), false, nil)
	if err := j.Begin(replay.Header{Run: run.ID, ReplayedTime: run.Time, To: "there", Selection: "--all"}); err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		e, err := run.Prepare(e)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Plan(replay.LeftOut{Outcomes: 3}); err != nil {
		t.Fatal(err)
	}
	return j, path
}

func open(t *testing.T, path string) *replay.Journal {
	t.Helper()
	j, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}
