package adapter

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/quench-dev/quench/adapter/alert"
)

// What the ledger remembers at most. Alertmanager retries within seconds to
// minutes; past ten minutes a webhook of the same body is a repeat.
const (
	ledgerEntries = 1024
	ledgerMarks   = 1 << 20 // events over all entries, a byte each
	ledgerAge     = 10 * time.Minute
)

type bodyHash = [sha256.Size]byte

// ledger remembers, by the body's hash, deliveries that are under way and those
// that a sender was not told 200 about. It forgets one at its 200, when it is ten
// minutes old, and the least recently used where there are too many.
type ledger struct {
	mu    sync.Mutex
	busy  map[bodyHash]*delivery // under way; as many as there are requests
	kept  *simplelru.LRU[bodyHash, *delivery]
	marks int // of all that are kept
}

func newLedger() *ledger {
	l := &ledger{busy: map[bodyHash]*delivery{}}
	kept, err := simplelru.NewLRU(ledgerEntries, func(_ bodyHash, d *delivery) { l.marks -= len(d.marks) })
	if err != nil {
		panic(err) // only for a size below 1
	}
	l.kept = kept
	return l
}

// take gives the delivery of a body with n events, a new one that was recorded
// now where none is remembered. Each take is followed by one release.
func (l *ledger) take(key bodyHash, n int, now time.Time) *delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.busy[key]
	if d == nil {
		if old, ok := l.kept.Get(key); ok {
			l.kept.Remove(key)
			if now.Sub(old.recorded) < ledgerAge {
				d = old
			}
		}
		if d == nil {
			d = &delivery{recorded: now, trace: alert.StartTrace(), marks: make([]mark, n)}
		}
		l.busy[key] = d
	}
	d.users++
	return d
}

// release ends one request's work. done says that its sender is told 200: an
// answer that nobody hears does not end a delivery, for its retry comes.
func (l *ledger) release(key bodyHash, d *delivery, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d.users--
	if done {
		d.forgotten = true
	}
	if l.busy[key] == d && (d.forgotten || d.users == 0) {
		delete(l.busy, key)
	}
	if d.forgotten || d.users > 0 {
		return
	}
	l.kept.Add(key, d)
	l.marks += len(d.marks)
	for l.marks > ledgerMarks && l.kept.Len() > 1 {
		l.kept.RemoveOldest()
	}
}
