package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// migrations bring the tables from one version to the next; a released one never
// changes. Times are microseconds since 1970. %BLOB% is bytes in the database's
// own words.
var migrations = []string{`
CREATE TABLE archive (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	seq BIGINT NOT NULL,
	received BIGINT NOT NULL,
	events BIGINT NOT NULL,
	bytes BIGINT NOT NULL
);
INSERT INTO archive (one, seq, received, events, bytes) VALUES (1, 0, 0, 0, 0);
CREATE TABLE events (
	seq %SEQ% PRIMARY KEY,
	received BIGINT NOT NULL,
	id TEXT NOT NULL,
	source TEXT NOT NULL,
	type TEXT NOT NULL,
	alertname TEXT,
	correlationid TEXT,
	arrivals BIGINT NOT NULL,
	dead_at BIGINT,
	dead_plain BIGINT,
	dead_count BIGINT NOT NULL,
	dead_destination TEXT NOT NULL,
	dead_code TEXT NOT NULL,
	dead_reason TEXT NOT NULL,
	redelivered BIGINT,
	bytes BIGINT NOT NULL,
	attributes TEXT NOT NULL,
	data %BLOB%
);
CREATE UNIQUE INDEX events_identity ON events (id, source);
CREATE INDEX events_received ON events (received, seq);
CREATE INDEX events_alertname ON events (alertname, seq) WHERE alertname IS NOT NULL;
CREATE INDEX events_correlationid ON events (correlationid, seq) WHERE correlationid IS NOT NULL;
CREATE INDEX events_dead ON events (seq) WHERE dead_at IS NOT NULL;
CREATE INDEX events_pending ON events (seq) WHERE dead_at IS NOT NULL AND redelivered IS NULL;
CREATE TABLE replays (
	id TEXT NOT NULL,
	type TEXT NOT NULL,
	replayed BIGINT NOT NULL,
	arrived BIGINT NOT NULL,
	failed BIGINT NOT NULL,
	received BIGINT NOT NULL,
	PRIMARY KEY (id, type, replayed)
);
CREATE INDEX replays_received ON replays (received);
`}

// migrate brings the database to this program's version, one process at a time.
// A database of a later version is an error: it may hold what this program would
// not keep.
func (s *Store) migrate(ctx context.Context) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer rollback(tx)
	if s.d.migrating != "" {
		if _, err := tx.ExecContext(ctx, s.d.migrating); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS archive_version (version BIGINT NOT NULL)"); err != nil {
		return fmt.Errorf("create tables: %w", err)
	}
	var version int
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM archive_version").Scan(&version); err != nil {
		return fmt.Errorf("read version: %w", err)
	}
	if version > len(migrations) {
		return fmt.Errorf("the database has version %d of the tables, this program knows up to %d: want a later program", version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		text := strings.NewReplacer("%BLOB%", s.d.blob, "%SEQ%", s.d.seq).Replace(migrations[version])
		for statement := range strings.SplitSeq(text, ";\n") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("migrate to version %d: %w", version+1, err)
			}
		}
		if _, err := tx.ExecContext(ctx, s.d.rebind("INSERT INTO archive_version (version) VALUES (?)"), version+1); err != nil {
			return fmt.Errorf("note version: %w", err)
		}
	}
	return tx.Commit()
}

// rollback ends a transaction that was not committed; one that was is left alone.
func rollback(tx *sql.Tx) { _ = tx.Rollback() }
