package watch_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/watch"
)

// shelf is an archive's list, which changes; its error is told once.
type shelf struct {
	mu      sync.Mutex
	entries []history.Entry
	err     error
}

func (s *shelf) List(_ context.Context, q history.Query, most int, each func(history.Entry) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.err; err != nil {
		s.err = nil
		return err
	}
	m, err := history.NewMatcher(q)
	if err != nil {
		return err
	}
	for i := len(s.entries) - 1; i >= 0 && most > 0; i-- {
		if ok, err := m.Match(&s.entries[i]); err != nil || !ok {
			continue
		}
		most--
		if err := each(s.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) put(id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := event.New()
	e.SetID(id)
	s.entries = append(s.entries, history.Entry{Seq: int64(len(s.entries) + 1), Event: e, DeadLetter: &history.DeadLetter{At: at, Count: 1}})
}

// Each dead letter is told once, in order, those of before not, and an archive that is away for a while loses none.
func TestDeadLetters(t *testing.T) {
	at := time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)
	s := &shelf{}
	s.put("old", at.Add(-time.Minute))
	s.put("second", at.Add(2*time.Minute))
	s.put("first", at.Add(time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	told, lost := make(chan string, 10), make(chan error, 10)
	done := make(chan struct{})
	go func() {
		watch.DeadLetters(ctx, s, history.Query{Since: at.Add(time.Hour)}, at, time.Millisecond,
			func(e history.Entry) { told <- e.Event.ID() }, func(err error) { lost <- err })
		close(done)
	}()
	want := func(id string) {
		t.Helper()
		select {
		case got := <-told:
			if got != id {
				t.Errorf("told of %s, want %s", got, id)
			}
		case <-time.After(time.Minute):
			t.Fatalf("not told of %s", id)
		}
	}
	want("first")
	want("second")
	s.mu.Lock()
	s.err = errors.New("away")
	s.mu.Unlock()
	if err := <-lost; err == nil || err.Error() != "away" {
		t.Errorf("lost: %v", err)
	}
	s.put("third", at.Add(3*time.Minute))
	want("third")
	cancel()
	<-done
	if len(told) != 0 {
		t.Errorf("told of %s, too", <-told)
	}
}
