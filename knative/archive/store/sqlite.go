package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // registers the driver "sqlite", which needs no C compiler
)

// readers is how many queries read one SQLite file at once; each may hold
// sqliteCache KiB of it in memory.
const (
	readers     = 4
	sqliteCache = 4 << 10
)

// sqliteDialect is what SQLite has in its own words.
var sqliteDialect = dialect{
	blob: "BLOB", seq: "INTEGER",
	rebind: func(q string) string { return q },
	// A transaction that writes has the whole file: it begins IMMEDIATE.
	locking: "SELECT seq, received FROM archive WHERE one = 1",
	// Pages that hold something: what was swept is used again, and no longer counted.
	size: "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count() p, pragma_freelist_count() f, pragma_page_size() s",
}

// OpenSQLite opens the file, or makes it, and its folder's. One process at a time
// may have it open: the file is a lock to others.
func OpenSQLite(ctx context.Context, file string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	dsn := func(more ...string) string {
		v := url.Values{"_pragma": append([]string{
			"busy_timeout(10000)", "temp_store(MEMORY)", "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)",
			fmt.Sprintf("cache_size(-%d)", sqliteCache),
		}, more...)}
		return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: v.Encode()}).String()
	}
	write, err := sql.Open("sqlite", dsn()+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", dsn("query_only(true)"))
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("open archive: %w", err)
	}
	read.SetMaxOpenConns(readers)
	return open(ctx, sqliteDialect, write, read)
}
