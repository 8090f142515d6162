package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrClosed answers a write to a store that is being closed.
var ErrClosed = errors.New("the archive is being closed")

// maxBatch is the most writers that share a commit; commitTimeout is how long one
// may take.
const (
	maxBatch      = 256
	commitTimeout = 20 * time.Second
)

// job is what one writer wants done within a transaction.
type job struct {
	do   func(ctx context.Context, b *batch) error
	done chan error
}

// batch is one transaction that writes.
type batch struct {
	*sql.Tx
	s             *Store
	seq, received int64 // the counters; received is the batch's time
	events, bytes int64 // what has come, less what has gone
}

func (b *batch) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return b.ExecContext(ctx, b.s.d.rebind(query), args...)
}

func (b *batch) row(ctx context.Context, query string, args ...any) *sql.Row {
	return b.QueryRowContext(ctx, b.s.d.rebind(query), args...)
}

// run has do done in the next transaction, and returns what it found when that is
// committed. It may be committed, too, where ctx ends first: do then still runs, so
// that it must write to nothing that its caller goes on to use.
func run[T any](ctx context.Context, s *Store, do func(context.Context, *batch) (T, error)) (T, error) {
	var found, none T
	j := &job{done: make(chan error, 1)}
	j.do = func(ctx context.Context, b *batch) (err error) {
		found, err = do(ctx, b)
		return err
	}
	if err := s.wait(ctx, j); err != nil {
		return none, err
	}
	return found, nil
}

func (s *Store) wait(ctx context.Context, j *job) error {
	select {
	case s.jobs <- j:
	case <-s.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		select {
		case err := <-j.done:
			return err
		default:
			return ErrClosed
		}
	}
}

// commit takes what writers want, all that is there at once, and commits it.
func (s *Store) commit(ctx context.Context) {
	for {
		var jobs []*job
		select {
		case j := <-s.jobs:
			jobs = append(jobs, j)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(jobs) < maxBatch; {
			select {
			case j := <-s.jobs:
				jobs = append(jobs, j)
			default:
				more = false
			}
		}
		err := s.together(context.WithoutCancel(ctx), jobs)
		for _, j := range jobs {
			j.done <- err
		}
		if err == nil {
			s.tell()
		}
	}
}

// together does all jobs in one transaction: all or none.
func (s *Store) together(ctx context.Context, jobs []*job) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer rollback(tx)
	b := &batch{Tx: tx, s: s}
	var last int64
	if err := tx.QueryRowContext(ctx, s.d.locking).Scan(&b.seq, &last); err != nil {
		return fmt.Errorf("lock archive: %w", err)
	}
	b.received = max(micros(time.Now()), last) // a clock that is set back makes no disorder
	for _, j := range jobs {
		if err := j.do(ctx, b); err != nil {
			return err
		}
	}
	if _, err := b.exec(ctx, "UPDATE archive SET seq = ?, received = ?, events = events + ?, bytes = bytes + ? WHERE one = 1",
		b.seq, b.received, b.events, b.bytes); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
