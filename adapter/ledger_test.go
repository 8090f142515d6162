package adapter

import (
	"encoding/binary"
	"testing"
	"time"
)

func key(n int) (k bodyHash) {
	binary.BigEndian.PutUint64(k[:], uint64(n))
	return k
}

// fail takes a delivery of n events in, lets one through, and ends it unfinished.
func fail(l *ledger, k bodyHash, n int, now time.Time) *delivery {
	d := l.take(k, n, now)
	d.marks[0] = accepted
	l.release(k, d, false)
	return d
}

func TestLedgerForgets(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		between func(*ledger)
		after   time.Duration
		same    bool
	}{
		"not at once":        {nil, 0, true},
		"not a moment early": {nil, ledgerAge - 1, true},
		"after ten minutes":  {nil, ledgerAge, false},
		"at a 200": {func(l *ledger) {
			l.release(key(0), l.take(key(0), 1, now), true)
		}, 0, false},
		"not at another failure": {func(l *ledger) { fail(l, key(0), 1, now) }, 0, true},
		"among a thousand": {func(l *ledger) {
			for i := range ledgerEntries - 1 {
				fail(l, key(1+i), 1, now)
			}
		}, 0, true},
		"the least recently used": {func(l *ledger) {
			for i := range ledgerEntries {
				fail(l, key(1+i), 1, now)
			}
		}, 0, false},
		"for webhooks of very many events": {func(l *ledger) { fail(l, key(1), ledgerMarks, now) }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			d := fail(l, key(0), 1, now)
			if tc.between != nil {
				tc.between(l)
			}
			if got := l.take(key(0), 1, now.Add(tc.after)) == d; got != tc.same {
				t.Errorf("remembered: %v, want %v", got, tc.same)
			}
			if l.kept.Len() > ledgerEntries {
				t.Errorf("%d entries", l.kept.Len())
			}
			marks := 0
			for _, d := range l.kept.Values() {
				marks += len(d.marks)
			}
			if marks != l.marks {
				t.Errorf("%d marks are counted, there are %d", l.marks, marks)
			}
		})
	}
}

// What is under way is shared however old it is, and ends for later ones at the
// first 200, though others still work on it.
func TestLedgerSharesWhatIsUnderWay(t *testing.T) {
	l, now := newLedger(), time.Now()
	first := l.take(key(1), 2, now)
	second := l.take(key(1), 2, now.Add(time.Hour))
	if first != second || !second.recorded.Equal(now) {
		t.Error("two deliveries of one body under way")
	}
	l.release(key(1), second, true)
	third := l.take(key(1), 2, now.Add(2*time.Hour))
	if third == first {
		t.Error("a repeat joined a delivery that was answered with 200")
	}
	l.release(key(1), first, false)
	if l.take(key(1), 2, now) != third {
		t.Error("the end of the first delivery took the third one's place")
	}
	if l.kept.Len() != 0 {
		t.Error("what was answered with 200 is remembered")
	}
}
