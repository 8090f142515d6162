package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// sweepBatch is how many entries go in one transaction, so that writers wait no
// longer than for one another.
const sweepBatch = 250

// Bounds say how much is kept.
type Bounds struct {
	Age  time.Duration // 0: any
	Size int64         // in bytes, as Counts has it; 0: any
}

// Sweep removes what is beyond the bounds and says how much that was: what is too
// old, whatever it is; then, for size, the oldest that no dead letter waits in,
// and dead letters that wait only where nothing else is left.
func (s *Store) Sweep(ctx context.Context, bounds Bounds) (removed int64, err error) {
	before := int64(0)
	if bounds.Age > 0 {
		before = micros(time.Now().Add(-bounds.Age))
	}
	for ctx.Err() == nil {
		n, err := s.sweepOnce(ctx, before, bounds.Size)
		removed += n
		if err != nil || n == 0 {
			return removed, err
		}
	}
	return removed, ctx.Err()
}

func (s *Store) sweepOnce(ctx context.Context, before, size int64) (n int64, err error) {
	if before > 0 {
		if n, err = s.remove(ctx, "received < ?", before); err != nil || n > 0 {
			return n, err
		}
		_, err := run(ctx, s, func(ctx context.Context, b *batch) (sql.Result, error) {
			return b.exec(ctx, "DELETE FROM replays WHERE received < ?", before)
		})
		if err != nil {
			return 0, fmt.Errorf("sweep replays: %w", err)
		}
	}
	if size <= 0 {
		return 0, nil
	}
	c, err := s.Counts(ctx)
	if err != nil || c.Bytes <= size || c.Events == 0 {
		return 0, err
	}
	if n, err = s.remove(ctx, "dead_at IS NULL OR redelivered IS NOT NULL"); err != nil || n > 0 {
		return n, err
	}
	return s.remove(ctx, "seq > 0")
}

// remove deletes the oldest entries of those that the condition holds for.
func (s *Store) remove(ctx context.Context, condition string, args ...any) (int64, error) {
	oldest := "seq IN (SELECT seq FROM events WHERE " + condition + " ORDER BY seq LIMIT ?)"
	args = append(append([]any{}, args...), sweepBatch)
	n, err := run(ctx, s, func(ctx context.Context, b *batch) (n int64, err error) {
		var bytes int64
		if err := b.row(ctx, "SELECT count(*), coalesce(sum(bytes), 0) FROM events WHERE "+oldest, args...).Scan(&n, &bytes); err != nil || n == 0 {
			return 0, err
		}
		if _, err := b.exec(ctx, "DELETE FROM events WHERE "+oldest, args...); err != nil {
			return 0, err
		}
		b.events, b.bytes = b.events-n, b.bytes-bytes
		return n, nil
	})
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	return n, nil
}
