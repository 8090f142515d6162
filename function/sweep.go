package function

import (
	"context"
	"sync"
	"time"
)

const (
	sweepEvery   = time.Hour
	sweepMost    = 500
	sweepTimeout = time.Minute
)

// sweeper remembers when this process swept last.
type sweeper struct {
	mu   sync.Mutex
	last time.Time
}

func (s *sweeper) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() && now.Sub(s.last) < sweepEvery {
		return false
	}
	s.last = now
	return true
}

// sweepLater deletes records that have had their time, in the background: no
// answer waits for it, and what fails is left to the next hour.
func (f *Function) sweepLater() {
	now := f.o.Now()
	if f.o.RecordTTL <= 0 || f.stopped.Load() || !f.sweep.due(now) {
		return
	}
	f.idle.Add(1)
	go func() {
		defer f.idle.Done()
		ctx, cancel := context.WithTimeout(context.Background(), sweepTimeout)
		defer cancel()
		n, err := f.o.Records.Sweep(ctx, f.name(), now.Add(-f.o.RecordTTL), sweepMost)
		if err != nil {
			f.o.Log.Warn().Err(err).Int("swept", n).Msg("sweep records")
		} else if n > 0 {
			f.o.Log.Info().Int("swept", n).Msg("swept records")
		}
	}()
}
