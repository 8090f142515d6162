package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counted asks nobody; the nth answer names n, and comes when that takes.
func counted(timeout, takes time.Duration) (s *shared, asked *atomic.Int64) {
	asked = new(atomic.Int64)
	return &shared{timeout: timeout, ask: func(ctx context.Context) verdict {
		mine := asked.Add(1)
		select {
		case <-time.After(takes):
			return verdict{firing: []string{fmt.Sprint(mine)}}
		case <-ctx.Done():
			return verdict{failed: []string{"late"}}
		}
	}}, asked
}

func want(t *testing.T, s *shared, answer string) {
	t.Helper()
	v, err := s.get(t.Context())
	if got := v.lines(); err != nil || len(got) != 1 || got[0] != answer {
		t.Errorf("%q, %v; want %s", got, err, answer)
	}
}

// Probes that come together share an answer; one that comes a second after it was asked for has another.
func TestAnswersAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, asked := counted(4*time.Second, 100*time.Millisecond)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { want(t, s, "1") })
		}
		all.Wait()
		time.Sleep(899 * time.Millisecond) // 999 ms since it was asked
		want(t, s, "1")
		time.Sleep(time.Millisecond)
		want(t, s, "2")
		if asked.Load() != 2 {
			t.Errorf("asked %d times", asked.Load())
		}
	})
}

// An answer that is slow is not waited for by who comes a second after it was asked for.
func TestSlowAnswersAreNotSharedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := counted(4*time.Second, 3*time.Second)
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() { want(t, s, fmt.Sprint(i+1)) })
			time.Sleep(time.Second)
		}
		all.Wait()
	})
}

// Who leaves does not take the answer from those who wait, and what takes longer than the timeout is over.
func TestQuestionsOutliveWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, asked := counted(4*time.Second, time.Hour)
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := s.get(ctx)
			left <- err
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		begun := time.Now()
		want(t, s, "late")
		if took := time.Since(begun); took != 4*time.Second || asked.Load() != 1 {
			t.Errorf("after %s, asked %d times", took, asked.Load())
		}
	})
}
