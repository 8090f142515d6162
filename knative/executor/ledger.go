package executor

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// What is remembered of webhooks that were not answered with 200: the same body
// within ten minutes is a retry, later a repeat.
const (
	ledgerEntries = 1024
	ledgerAge     = 10 * time.Minute
)

// ledger says when a webhook was first taken in, so that a retry's event says the
// same.
type ledger struct {
	mu    sync.Mutex
	first *simplelru.LRU[[sha256.Size]byte, time.Time]
}

func newLedger() *ledger {
	first, err := simplelru.NewLRU[[sha256.Size]byte, time.Time](ledgerEntries, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &ledger{first: first}
}

func (l *ledger) recorded(body [sha256.Size]byte, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.first.Get(body); ok && now.Sub(at) < ledgerAge {
		return at
	}
	l.first.Add(body, now)
	return now
}

func (l *ledger) forget(body [sha256.Size]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first.Remove(body)
}
