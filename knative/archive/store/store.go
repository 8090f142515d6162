package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// dialect is where the two databases differ.
type dialect struct {
	blob, seq string                // types of columns
	rebind    func(q string) string // from ? to what the driver wants
	locking   string                // locks and reads the row of counters
	size      string                // reads how many bytes are in use
	migrating string                // holds up other processes that migrate
	polls     bool                  // others may write, too
}

// Store is an open archive. Its methods may be called from many goroutines.
type Store struct {
	d           dialect
	write, read *sql.DB
	arrive      *sql.Stmt // what is done most is parsed once
	jobs        chan *job
	stop        context.CancelFunc
	done        chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed at the next commit
}

// open takes over both databases, and closes them where it fails.
func open(ctx context.Context, d dialect, write, read *sql.DB) (*Store, error) {
	s := &Store{d: d, write: write, read: read, jobs: make(chan *job, maxBatch), done: make(chan struct{}), changed: make(chan struct{})}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open archive: %w", err), s.closeDatabases())
	}
	arrive, err := write.PrepareContext(ctx, d.rebind(arrive))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open archive: %w", err), s.closeDatabases())
	}
	s.arrive = arrive
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go func() {
		defer close(s.done)
		s.commit(running)
	}()
	return s, nil
}

// Close ends the store. Writes under way are answered with ErrClosed, or were
// committed.
func (s *Store) Close() error {
	s.stop()
	<-s.done
	return errors.Join(s.arrive.Close(), s.closeDatabases())
}

func (s *Store) closeDatabases() error {
	err := s.read.Close()
	if s.write != s.read {
		err = errors.Join(err, s.write.Close())
	}
	return err
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var n int
	if err := s.read.QueryRowContext(ctx, "SELECT one FROM archive").Scan(&n); err != nil {
		return fmt.Errorf("read archive: %w", err)
	}
	return nil
}

// Changed is closed once this process has committed something, seen from the call
// on. Polls says whether other processes may, too, which it does not tell.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Polls says whether other processes may write to the same archive.
func (s *Store) Polls() bool { return s.d.polls }

func (s *Store) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Counts is what is in the archive now.
type Counts struct {
	Events, Pending int64
	Bytes           int64 // in use: of SQLite's file, of PostgreSQL's rows as they are counted
	Newest          int64 // the highest Seq
}

// Counts reads them; it costs the same however much there is.
func (s *Store) Counts(ctx context.Context) (c Counts, err error) {
	for query, into := range map[string]*int64{
		"SELECT events FROM archive WHERE one = 1":                                      &c.Events,
		"SELECT seq FROM archive WHERE one = 1":                                         &c.Newest,
		"SELECT count(*) FROM events WHERE dead_at IS NOT NULL AND redelivered IS NULL": &c.Pending,
		s.d.size: &c.Bytes,
	} {
		if err := s.read.QueryRowContext(ctx, query).Scan(into); err != nil {
			return Counts{}, fmt.Errorf("count: %w", err)
		}
	}
	return c, nil
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
