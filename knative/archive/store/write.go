package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/history"
)

// ErrBadEvent is an event that no database keeps as it is; sending it again does
// not help.
var ErrBadEvent = errors.New("want an event whose attributes are UTF-8 without NUL")

// overhead is what an entry costs beside its attributes and data, about: the
// indexes and the other columns.
const overhead = 512

// Arrival is one delivery of an event.
type Arrival struct {
	// Event is what is kept where it is the first of its identity. What brokers
	// add must be gone.
	Event event.Event
	// DeadLetter is set where it came to the dead-letter sink; Destination, Code
	// and Reason are read.
	DeadLetter *history.DeadLetter
	// Replayed is the event's replayedtime; zero: it was not replayed.
	Replayed time.Time
}

// Kept is what became of an arrival.
type Kept struct {
	Seq int64
	New bool // the first of its identity
}

// Write keeps an arrival; when it returns nil, it is on disk. The error wraps
// ErrBadEvent, or is about the database or ctx and may pass.
func (s *Store) Write(ctx context.Context, a Arrival) (Kept, error) {
	r, err := rowOf(&a.Event)
	if err != nil {
		return Kept{}, err
	}
	kept, err := run(ctx, s, func(ctx context.Context, b *batch) (Kept, error) {
		return b.keep(ctx, r, a.DeadLetter, a.Replayed)
	})
	if err != nil {
		return Kept{}, fmt.Errorf("write event %s: %w", a.Event.ID(), err)
	}
	return kept, nil
}

// row is an event as columns.
type row struct {
	id, source, eventType, causation string
	alertname, correlation           sql.NullString
	attributes                       string
	data                             []byte
}

func rowOf(e *event.Event) (*row, error) {
	text, err := event.Event{Context: e.Context.AsV1()}.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadEvent, err)
	}
	r := &row{
		id: e.ID(), source: e.Source(), eventType: e.Type(), attributes: string(text), data: e.Data(),
		causation: history.Attribute(e, alert.AttrCausationID), alertname: nullable(history.Attribute(e, "alertname")),
		correlation: nullable(history.Attribute(e, alert.AttrCorrelationID)),
	}
	for _, s := range []string{r.id, r.source, r.eventType, r.causation, r.alertname.String, r.correlation.String, r.attributes} {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return nil, ErrBadEvent
		}
	}
	return r, nil
}

func nullable(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

func (r *row) bytes() int64 { return int64(len(r.attributes) + len(r.data) + overhead) }

const arrive = `INSERT INTO events
	(seq, received, id, source, type, alertname, correlationid, arrivals, dead_count, dead_destination, dead_code, dead_reason, bytes, attributes, data)
	VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, '', '', '', ?, ?, ?)
	ON CONFLICT (id, source) DO UPDATE SET arrivals = events.arrivals + 1 RETURNING seq`

// die notes when an event was last dead-lettered (dead_at), and when other than by
// a replay (dead_plain, 0 for never).
const die = `INSERT INTO events
	(seq, received, id, source, type, alertname, correlationid, arrivals, dead_count, dead_destination, dead_code, dead_reason, bytes, attributes, data, dead_at, dead_plain)
	VALUES (?, ?, ?, ?, ?, ?, ?, 0, 1, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id, source) DO UPDATE SET dead_count = events.dead_count + 1,
		dead_destination = excluded.dead_destination, dead_code = excluded.dead_code, dead_reason = excluded.dead_reason,
		dead_at = excluded.dead_at, dead_plain = CASE WHEN excluded.dead_plain > 0 THEN excluded.dead_plain ELSE coalesce(events.dead_plain, 0) END
	RETURNING seq`

func (b *batch) keep(ctx context.Context, r *row, dead *history.DeadLetter, replayed time.Time) (Kept, error) {
	next, seq := b.seq+1, int64(0)
	args := []any{next, b.received, r.id, r.source, r.eventType, r.alertname, r.correlation}
	var inserted *sql.Row
	if dead == nil {
		inserted = b.StmtContext(ctx, b.s.arrive).QueryRowContext(ctx, append(args, r.bytes(), r.attributes, r.data)...)
	} else {
		plain := b.received
		if !replayed.IsZero() {
			plain = 0
		}
		inserted = b.row(ctx, die, append(args, clean(dead.Destination), clean(dead.Code), clean(dead.Reason), r.bytes(), r.attributes, r.data, b.received, plain)...)
	}
	if err := inserted.Scan(&seq); err != nil {
		return Kept{}, fmt.Errorf("insert: %w", err)
	}
	if seq == next {
		b.seq, b.events, b.bytes = next, b.events+1, b.bytes+r.bytes()
	}
	return Kept{Seq: seq, New: seq == next}, b.mark(ctx, r, dead != nil, replayed)
}

// mark keeps account of replays: of the event itself and, for one that was sent
// again under a new id, of the one that it was sent for. The account does not
// depend on the order in which deliveries come.
func (b *batch) mark(ctx context.Context, r *row, failed bool, replayed time.Time) error {
	if replayed.IsZero() {
		if !failed {
			return nil
		}
		return b.settle(ctx, r.id, r.eventType)
	}
	ids := []string{r.id}
	if r.causation != "" && r.causation != r.id {
		ids = append(ids, r.causation)
	}
	arrived, lost := 1, 0
	if failed {
		arrived, lost = 0, 1
	}
	for _, id := range ids {
		if _, err := b.exec(ctx, `INSERT INTO replays (id, type, replayed, arrived, failed, received) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id, type, replayed) DO UPDATE SET arrived = replays.arrived + excluded.arrived, failed = replays.failed + excluded.failed`,
			id, r.eventType, micros(replayed), arrived, lost, b.received); err != nil {
			return fmt.Errorf("note replay: %w", err)
		}
		if err := b.settle(ctx, id, r.eventType); err != nil {
			return err
		}
	}
	return nil
}

// settle works out when a dead letter was last redelivered: by a replay later than
// it that came through a Trigger and was not dead-lettered itself.
func (b *batch) settle(ctx context.Context, id, eventType string) error {
	if _, err := b.exec(ctx, `UPDATE events SET redelivered = (SELECT max(p.replayed) FROM replays p
		WHERE p.id = events.id AND p.type = events.type AND p.arrived > 0 AND p.failed = 0 AND p.replayed >= events.dead_plain)
		WHERE id = ? AND type = ? AND dead_at IS NOT NULL`, id, eventType); err != nil {
		return fmt.Errorf("mark dead letter: %w", err)
	}
	return nil
}

// clean makes text that a broker quotes storable.
func clean(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "") }
