package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresDialect is what PostgreSQL has in its own words.
var postgresDialect = dialect{
	blob: "BYTEA", seq: "BIGINT",
	rebind: func(q string) string {
		var b strings.Builder
		n := 0
		for _, c := range q {
			if c != '?' {
				b.WriteRune(c)
				continue
			}
			n++
			b.WriteString("$" + strconv.Itoa(n))
		}
		return b.String()
	},
	// Until the commit no other process has the row, so commits are in the order of Seq.
	locking: "SELECT seq, received FROM archive WHERE one = 1 FOR UPDATE",
	// Dead rows are reused after a vacuum, whenever that is: what is counted is what is there.
	size: "SELECT bytes FROM archive WHERE one = 1",
	// The number means nothing but this.
	migrating: "SELECT pg_advisory_xact_lock(7163652)",
	polls:     true,
}

// OpenPostgres connects to the database that dsn names, a URL or keyword=value
// pairs. The error never holds it.
func OpenPostgres(ctx context.Context, dsn string) (*Store, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil { // it may hold the password in parts
		return nil, errors.New("ARCHIVE_DSN: want a PostgreSQL URL such as postgres://user@host:5432/archive, or keyword=value pairs")
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	db := stdlib.OpenDB(*c, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		// Whatever the server's default is: what is acknowledged is on its disk.
		if _, err := conn.Exec(ctx, "SET synchronous_commit TO on"); err != nil {
			return fmt.Errorf("set synchronous_commit: %w", err)
		}
		return nil
	}))
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(4)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return open(ctx, postgresDialect, db, db)
}
