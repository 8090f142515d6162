package store_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/knative/archive/store"
	"github.com/quench-dev/quench/knative/history"
)

// steps are deliveries of one event, by letter.
type steps map[byte]store.Arrival

// permutations are all orders of the letters that begin with the first n.
func permutations(s string, n int) (all []string) {
	if len(s) <= 1 || n == len(s) {
		return []string{s}
	}
	if n > 0 {
		for _, p := range permutations(s[n:], 0) {
			all = append(all, s[:n]+p)
		}
		return all
	}
	for i := range s {
		for _, p := range permutations(s[:i]+s[i+1:], 0) {
			all = append(all, string(s[i])+p)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// What a dead letter is marked with does not depend on the order in which the
// deliveries of its replays come.
func TestRedelivery(t *testing.T) {
	dead := &history.DeadLetter{Destination: "http://job-runner", Code: "503", Reason: "held"}
	r1, r2 := time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond), time.Now().Add(2*time.Minute).UTC().Truncate(time.Microsecond)
	e := alertEvent("e1", nil)
	again := alertEvent("e2", map[string]string{"causationid": "e1"})
	outcome := alertEvent("o1", map[string]string{"causationid": "e1"})
	outcome.SetType("dev.quench.action.succeeded")
	do := steps{
		'e': {Event: e}, 'd': {Event: e, DeadLetter: dead},
		'1': {Event: e, Replayed: r1}, '2': {Event: e, Replayed: r2},
		'x': {Event: e, Replayed: r1, DeadLetter: dead}, 'y': {Event: e, Replayed: r2, DeadLetter: dead},
		'a': {Event: again, Replayed: r1}, 'z': {Event: again, Replayed: r1, DeadLetter: dead},
		'o': {Event: outcome, Replayed: r1},
		'p': {Event: e, Replayed: time.Now().Add(-time.Hour)},
	}
	for name, test := range map[string]struct {
		steps string
		first int // so many stay where they are
		want  *time.Time
		count int
	}{
		"dead":                           {"ed", 0, nil, 1},
		"twice":                          {"edd", 0, nil, 2},
		"replayed":                       {"ed1", 0, &r1, 1},
		"replayed in vain":               {"ed1x", 0, nil, 2},
		"in vain, then not":              {"ed1x2", 0, &r2, 2},
		"not, then in vain":              {"ed12y", 0, &r1, 2},
		"in vain twice":                  {"ed1x2y", 2, nil, 3},
		"under a new id":                 {"eda", 0, &r1, 1},
		"under a new id, in vain":        {"edaz", 0, nil, 1},
		"an outcome is no replay":        {"edo", 0, nil, 1},
		"a replay of before it was dead": {"edp", 2, nil, 1},
		"only ever replayed, in vain":    {"1x", 0, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			for _, order := range permutations(test.steps, test.first) {
				s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
				if err != nil {
					t.Fatal(err)
				}
				for i := range len(order) {
					write(t, s, do[order[i]])
				}
				got := list(t, s, history.Query{ID: "e1"})[0]
				d := got.DeadLetter
				if d == nil || d.Count != test.count || d.Code != "503" || d.Reason != "held" || d.Destination != "http://job-runner" {
					t.Fatalf("%s: %+v", order, d)
				}
				if (d.Redelivered == nil) != (test.want == nil) || test.want != nil && !d.Redelivered.Equal(*test.want) {
					t.Errorf("%s: redelivered %v, want %v", order, d.Redelivered, test.want)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Both databases say the same of dead letters, and a new one waits again.
func TestDeadLetters(t *testing.T) {
	both(t, func(t *testing.T, open func() *store.Store) {
		s := use(t, open)
		dead := &history.DeadLetter{Destination: "http://job-runner", Code: "503", Reason: "held\x00\xff"}
		write(t, s, store.Arrival{Event: alertEvent("fine", nil)})
		write(t, s, store.Arrival{Event: alertEvent("only dead", nil), DeadLetter: dead})
		write(t, s, store.Arrival{Event: alertEvent("healed", nil), DeadLetter: dead})
		write(t, s, store.Arrival{Event: alertEvent("healed", nil), Replayed: time.Now()})
		if got := ids(list(t, s, history.Query{DeadLetters: true})); got != "only dead healed" {
			t.Errorf("dead: %s", got)
		}
		waiting := list(t, s, history.Query{Pending: true})
		if ids(waiting) != "only dead" || waiting[0].Arrivals != 0 || waiting[0].DeadLetter.Reason != "held\uFFFD" {
			t.Errorf("waiting: %+v", waiting)
		}
		write(t, s, store.Arrival{Event: alertEvent("healed", nil), DeadLetter: dead})
		if got := ids(list(t, s, history.Query{Pending: true})); got != "only dead healed" {
			t.Errorf("after a new dead letter there wait %s", got)
		}
		if c, err := s.Counts(t.Context()); err != nil || c.Pending != 2 || c.Events != 3 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestSweepByAge(t *testing.T) {
	both(t, func(t *testing.T, open func() *store.Store) {
		s := use(t, open)
		for i := range 600 {
			write(t, s, store.Arrival{Event: alertEvent(fmt.Sprintf("old%d", i), nil), Replayed: time.Now()})
		}
		time.Sleep(2 * time.Second) // between the old ones and the new one lies the bound
		write(t, s, store.Arrival{Event: alertEvent("new", nil)})
		newest := list(t, s, history.Query{Descending: true, Limit: 1})[0]
		n, err := s.Sweep(t.Context(), store.Bounds{Age: time.Since(newest.Received) + time.Second})
		if err != nil || n != 600 {
			t.Errorf("swept %d, %v", n, err)
		}
		if got := ids(all(t, s, history.Query{})); got != "new" {
			t.Errorf("left: %.100s", got)
		}
		if c, err := s.Counts(t.Context()); err != nil || c.Events != 1 || c.Newest != 601 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestSweepBySizeTakesTheOldestAndDeadLettersLast(t *testing.T) {
	both(t, func(t *testing.T, open func() *store.Store) {
		s := use(t, open)
		big := func(id string) store.Arrival {
			e := alertEvent(id, nil)
			e.DataEncoded = []byte(`"` + strings.Repeat("x", 4000) + `"`)
			return store.Arrival{Event: e}
		}
		waits := big("waits")
		waits.DeadLetter = &history.DeadLetter{Code: "503"}
		write(t, s, waits)
		for i := range 900 {
			write(t, s, big(fmt.Sprintf("e%d", i)))
		}
		bounds := store.Bounds{Size: 2 << 20}
		n, err := s.Sweep(t.Context(), bounds)
		if err != nil || n == 0 {
			t.Fatalf("swept %d, %v", n, err)
		}
		c, err := s.Counts(t.Context())
		if err != nil || c.Bytes > bounds.Size || c.Events != 901-n {
			t.Errorf("%+v, %v", c, err)
		}
		left := all(t, s, history.Query{})
		if left[0].Event.ID() != "waits" || left[len(left)-1].Event.ID() != "e899" || int64(len(left)) != c.Events {
			t.Errorf("left: %.60s", ids(left))
		}
		if n, err := s.Sweep(t.Context(), bounds); err != nil || n != 0 {
			t.Errorf("once more: %d, %v", n, err)
		}
		if n, err := s.Sweep(t.Context(), store.Bounds{Size: 1}); err != nil || n != c.Events {
			t.Errorf("all: %d of %d, %v", n, c.Events, err)
		}
	})
}
