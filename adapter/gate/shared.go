package gate

import (
	"context"
	"sync"
	"time"
)

// maxAge is how old an answer may be, counted from when it was asked for.
const maxAge = time.Second

// shared has one question answer all who ask it within a second: a kubelet, and
// whoever looks on. Who comes later asks anew, also where the question before is
// still open, so that an answer is never older than maxAge and the time that
// asking takes. So questions begin at most once a second, and as many are open
// at once as the timeout has seconds.
type shared struct {
	timeout time.Duration
	ask     func(context.Context) verdict

	mu   sync.Mutex
	last *question
}

// question is open until done is closed; verdict is there from then on.
type question struct {
	asked   time.Time
	done    chan struct{}
	verdict verdict
}

// get is the answer to the last question, if that was asked within maxAge, else to
// a new one. The error is that of ctx: nobody waits any more. The question goes
// on for those who do.
func (s *shared) get(ctx context.Context) (verdict, error) {
	q := s.question(ctx)
	select {
	case <-q.done:
		return q.verdict, nil
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
}

func (s *shared) question(ctx context.Context) *question {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && time.Since(s.last.asked) < maxAge {
		return s.last
	}
	q := &question{asked: time.Now(), done: make(chan struct{})}
	s.last = q
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	go func() {
		defer close(q.done)
		defer cancel()
		q.verdict = s.ask(asking)
	}()
	return q
}
