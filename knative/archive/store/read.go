package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/history"
)

// ErrNotFound answers for a Seq that is not there, or not any more.
var ErrNotFound = errors.New("there is no such event")

// Of one page: the most entries that are looked at, how long that may take, and
// how large it may become, in bytes of attributes and data, before it ends with a
// cursor.
const (
	maxLooked = 20_000
	maxLook   = 2 * time.Second
	maxPage   = 4 << 20
	minChunk  = 100 // entries to a statement
	maxChunk  = 500
)

const columns = "seq, received, arrivals, dead_at, dead_count, dead_destination, dead_code, dead_reason, redelivered, attributes, data"

// Get is the entry with this Seq; ErrNotFound where there is none.
func (s *Store) Get(ctx context.Context, seq int64) (history.Entry, error) {
	rows, err := s.read.QueryContext(ctx, s.d.rebind("SELECT "+columns+" FROM events WHERE seq = ?"), seq)
	if err != nil {
		return history.Entry{}, fmt.Errorf("read event: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return history.Entry{}, fmt.Errorf("read event: %w", err)
		}
		return history.Entry{}, ErrNotFound
	}
	e, _, err := scan(rows)
	return e, err
}

// List is a page of what q asks for. A page is never silently short: where more
// may follow it has a Next.
func (s *Store) List(ctx context.Context, q history.Query) (history.Page, error) {
	m, err := history.NewMatcher(q)
	if err != nil {
		return history.Page{}, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = history.DefaultLimit
	}
	l := listing{s: s, q: q, m: m, limit: limit, until: time.Now().Add(maxLook), page: history.Page{Events: []history.Entry{}}}
	where, args, err := s.where(ctx, q)
	if err != nil {
		return history.Page{}, err
	}
	for cursor := q.After; ; {
		more, err := l.read(ctx, where, args, &cursor)
		if err != nil {
			return history.Page{}, err
		}
		if l.full {
			l.page.Next = strconv.FormatInt(cursor, 10)
		}
		if l.full || !more {
			return l.page, nil
		}
	}
}

// where is what the indexes know of q, but for the cursor; a Matcher sees to the
// rest.
func (s *Store) where(ctx context.Context, q history.Query) (string, []any, error) {
	terms := []string{"seq > 0"}
	var args []any
	add := func(term string, arg ...any) { terms, args = append(terms, term), append(args, arg...) }
	// Received never falls as Seq rises, so that bounds of time are bounds of Seq.
	for term, t := range map[string]time.Time{"seq >= ?": q.Since, "seq < ?": q.Until} {
		if t.IsZero() {
			continue
		}
		var seq int64
		err := s.read.QueryRowContext(ctx, s.d.rebind("SELECT seq FROM events WHERE received >= ? ORDER BY received, seq LIMIT 1"), ceil(t)).Scan(&seq)
		switch {
		case err == nil:
			add(term, seq)
		case !errors.Is(err, sql.ErrNoRows):
			return "", nil, fmt.Errorf("find time: %w", err)
		case t.Equal(q.Since):
			add("seq < ?", 0) // nothing is so late
		}
	}
	if v := q.Attributes["alertname"]; v != "" {
		add("alertname = ?", v)
	}
	for _, v := range []string{q.CorrelationID, q.Attributes["correlationid"]} {
		if v != "" {
			add("correlationid = ?", v)
		}
	}
	for _, v := range []string{q.ID, q.Attributes["id"]} {
		if v != "" {
			add("id = ?", v)
		}
	}
	if q.DeadLetters || q.Pending {
		add("dead_at IS NOT NULL")
	}
	if q.Pending {
		add("redelivered IS NULL")
	}
	return strings.Join(terms, " AND "), args, nil
}

// ceil is t in microseconds, rounded up: an entry's time is whole microseconds.
func ceil(t time.Time) int64 {
	us := micros(t)
	if fromMicros(us).Before(t) {
		us++
	}
	return us
}

// listing is one page as it grows.
type listing struct {
	s      *Store
	q      history.Query
	m      *history.Matcher
	limit  int
	until  time.Time
	page   history.Page
	looked int
	bytes  int
	full   bool
}

// read looks at the next entries after *cursor, which it moves, and says whether
// there may be more.
func (l *listing) read(ctx context.Context, where string, args []any, cursor *int64) (more bool, err error) {
	order, beyond := "seq", "seq > ?"
	if l.q.Descending {
		order, beyond = "seq DESC", "seq < ?"
	}
	ask := min(max(l.limit+1, minChunk), maxChunk)
	all := append([]any{}, args...)
	if *cursor > 0 {
		where, all = where+" AND "+beyond, append(all, *cursor)
	}
	rows, err := l.s.read.QueryContext(ctx, l.s.d.rebind("SELECT "+columns+" FROM events WHERE "+where+" ORDER BY "+order+" LIMIT ?"), append(all, ask)...)
	if err != nil {
		return false, fmt.Errorf("list events: %w", err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if l.limit == len(l.page.Events) || l.bytes > maxPage || l.looked >= maxLooked || l.looked > 0 && time.Now().After(l.until) {
			l.full = true
			return false, nil
		}
		e, size, err := scan(rows)
		if err != nil {
			return false, err
		}
		n, l.looked, *cursor = n+1, l.looked+1, e.Seq
		is, err := l.m.Match(&e)
		if err != nil {
			return false, &FilterError{err}
		}
		if is {
			l.page.Events, l.bytes = append(l.page.Events, e), l.bytes+size
		}
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("list events: %w", err)
	}
	return n == ask, nil
}

// FilterError is a filter that is neither true nor false for some entry.
type FilterError struct{ err error }

func (e *FilterError) Error() string { return e.err.Error() }

func (e *FilterError) Unwrap() error { return e.err }

// scan reads an entry, and how many bytes it holds.
func scan(rows *sql.Rows) (e history.Entry, size int, err error) {
	var received int64
	var deadAt, redelivered sql.NullInt64
	var dead history.DeadLetter
	var attributes, data []byte
	if err := rows.Scan(&e.Seq, &received, &e.Arrivals, &deadAt, &dead.Count, &dead.Destination, &dead.Code, &dead.Reason, &redelivered, &attributes, &data); err != nil {
		return e, 0, fmt.Errorf("read event: %w", err)
	}
	e.Received = fromMicros(received)
	if deadAt.Valid {
		dead.At = fromMicros(deadAt.Int64)
		if redelivered.Valid {
			t := fromMicros(redelivered.Int64)
			dead.Redelivered = &t
		}
		e.DeadLetter = &dead
	}
	e.Event = event.Event{}
	if err := e.Event.UnmarshalJSON(attributes); err != nil {
		return e, 0, fmt.Errorf("read event %d: %w", e.Seq, err)
	}
	e.Event.DataEncoded = data
	return e, len(attributes) + len(data), nil
}
