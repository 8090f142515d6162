package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/archive/store"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/tests/postgres"
)

const firing = "io.prometheus.alertmanager.alert.firing"

// both runs a test with SQLite and with a real PostgreSQL. What it is given opens a new, empty archive, and the same one
// again.
func both(t *testing.T, test func(t *testing.T, open func() *store.Store)) {
	opened := func(t *testing.T, s *store.Store, err error) *store.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("SQLite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "a folder?#", "archive.db")
		test(t, func() *store.Store {
			s, err := store.OpenSQLite(t.Context(), file)
			return opened(t, s, err)
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := postgres.Start(t).Database(t)
		test(t, func() *store.Store {
			s, err := store.OpenPostgres(t.Context(), dsn)
			return opened(t, s, err)
		})
	})
}

func use(t *testing.T, open func() *store.Store) *store.Store {
	t.Helper()
	s := open()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func alertEvent(id string, attributes map[string]string) event.Event {
	e := event.New()
	e.SetID(id)
	e.SetSource("/alertmanager/default")
	e.SetType(firing)
	e.SetExtension("alertname", "DiskFull")
	e.SetExtension("correlationid", "c-"+id)
	for name, v := range attributes {
		e.SetExtension(name, v)
	}
	e.SetDataContentType(event.ApplicationJSON)
	e.DataEncoded = []byte("{\n \"status\": \"firing\" }")
	return e
}

func write(t *testing.T, s *store.Store, a store.Arrival) store.Kept {
	t.Helper()
	kept, err := s.Write(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func list(t *testing.T, s *store.Store, q history.Query) []history.Entry {
	t.Helper()
	p, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return p.Events
}

func ids(entries []history.Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Event.ID())
	}
	return strings.Join(all, " ")
}

// all lists page by page.
func all(t *testing.T, s *store.Store, q history.Query) (entries []history.Entry) {
	t.Helper()
	for {
		p, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, p.Events...)
		if p.Next == "" {
			return entries
		}
		if q.After, err = strconv.ParseInt(p.Next, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
}

// An event is kept whole, and is there after the archive was closed and opened.
func TestKeepsEventsWhole(t *testing.T) {
	both(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		e := alertEvent("e1", map[string]string{"pod": "frontend-1"})
		e.SetSubject("DiskFull/0123")
		e.SetTime(time.Date(2026, 11, 20, 22, 0, 0, 123e6, time.UTC))
		e.SetExtension("count", 3)
		e.SetExtension("yes", true)
		e.DataEncoded = []byte("\x00\xff no JSON <&> ")
		kept := write(t, s, store.Arrival{Event: e})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = use(t, open)
		got, err := s.Get(t.Context(), kept.Seq)
		if err != nil || !kept.New {
			t.Fatalf("%+v, %v", kept, err)
		}
		if got.Event.Context.String() != e.Context.String() || string(got.Event.Data()) != string(e.Data()) || got.Event.Extensions()["count"] != int32(3) || got.Event.Extensions()["yes"] != true {
			t.Errorf("kept %s\nof   %s", got.Event, e)
		}
		if got.Arrivals != 1 || got.DeadLetter != nil || time.Since(got.Received) > time.Hour || got.Seq != 1 {
			t.Errorf("entry %+v", got)
		}
		if _, err := s.Get(t.Context(), 99); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("one that is not there: %v", err)
		}
	})
}

func TestIdentityIsSourceAndID(t *testing.T) {
	both(t, func(t *testing.T, open func() *store.Store) {
		s := use(t, open)
		first := write(t, s, store.Arrival{Event: alertEvent("e1", nil)})
		again := alertEvent("e1", nil)
		again.DataEncoded = []byte("another")
		if kept := write(t, s, store.Arrival{Event: again}); kept.New || kept.Seq != first.Seq {
			t.Errorf("the second one %+v, the first %+v", kept, first)
		}
		other := alertEvent("e1", nil)
		other.SetSource("/alertmanager/other")
		if kept := write(t, s, store.Arrival{Event: other}); !kept.New || kept.Seq != first.Seq+1 {
			t.Errorf("that of another source %+v", kept)
		}
		got, err := s.Get(t.Context(), first.Seq)
		if err != nil || got.Arrivals != 2 || strings.Contains(string(got.Event.Data()), "another") {
			t.Errorf("%+v, %v", got, err)
		}
		if c, err := s.Counts(t.Context()); err != nil || c.Events != 2 || c.Newest != 2 || c.Pending != 0 || c.Bytes <= 0 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestRefusesWhatCannotBeKept(t *testing.T) {
	both(t, func(t *testing.T, open func() *store.Store) {
		s := use(t, open)
		for name, pod := range map[string]string{"not UTF-8": "\xff"} {
			if _, err := s.Write(t.Context(), store.Arrival{Event: alertEvent("e1", map[string]string{"pod": pod})}); !errors.Is(err, store.ErrBadEvent) {
				t.Errorf("%s: %v", name, err)
			}
		}
		e := alertEvent("a\x00b", nil)
		if _, err := s.Write(t.Context(), store.Arrival{Event: e}); !errors.Is(err, store.ErrBadEvent) {
			t.Errorf("NUL: %v", err)
		}
		write(t, s, store.Arrival{Event: alertEvent("e1", map[string]string{"pod": "Größe <&> 🔥"})})
	})
}

func TestList(t *testing.T) {
	both(t, func(t *testing.T, open func() *store.Store) {
		s := use(t, open)
		var received []time.Time
		for i := range 10 {
			e := alertEvent(fmt.Sprintf("e%d", i), map[string]string{"pod": fmt.Sprintf("p%d", i%2)})
			if i >= 8 {
				e.SetExtension("alertname", "Other")
				e.SetExtension("correlationid", "c-e0")
			}
			kept := write(t, s, store.Arrival{Event: e})
			got, err := s.Get(t.Context(), kept.Seq)
			if err != nil {
				t.Fatal(err)
			}
			received = append(received, got.Received)
			time.Sleep(time.Millisecond) // so that each has a time of its own
		}
		for name, test := range map[string]struct {
			q    history.Query
			want string
		}{
			"everything":          {history.Query{}, "e0 e1 e2 e3 e4 e5 e6 e7 e8 e9"},
			"the newest":          {history.Query{Descending: true, Limit: 2}, "e9 e8"},
			"before that":         {history.Query{Descending: true, After: 9, Limit: 2}, "e7 e6"},
			"after":               {history.Query{After: 8}, "e8 e9"},
			"since and until":     {history.Query{Since: received[2], Until: received[5]}, "e2 e3 e4"},
			"since, a bit later":  {history.Query{Since: received[2].Add(time.Nanosecond), Limit: 1}, "e3"},
			"since the future":    {history.Query{Since: received[9].Add(time.Hour)}, ""},
			"until the past":      {history.Query{Until: received[0]}, ""},
			"name":                {history.Query{Attributes: map[string]string{"alertname": "Other"}}, "e8 e9"},
			"name and time":       {history.Query{Attributes: map[string]string{"alertname": "DiskFull"}, Since: received[7]}, "e7"},
			"name and pod":        {history.Query{Attributes: map[string]string{"alertname": "DiskFull", "pod": "p1"}}, "e1 e3 e5 e7"},
			"with a limit":        {history.Query{Attributes: map[string]string{"pod": "p1"}, Limit: 2}, "e1 e3"},
			"filter":              {history.Query{Filter: "pod = 'p0' AND alertname <> 'Other'"}, "e0 e2 e4 e6"},
			"filter, descending":  {history.Query{Filter: "pod = 'p0'", Descending: true, Limit: 2}, "e8 e6"},
			"id":                  {history.Query{ID: "e3"}, "e3"},
			"correlation":         {history.Query{CorrelationID: "c-e0"}, "e0 e8 e9"},
			"two ids at once":     {history.Query{ID: "e3", Attributes: map[string]string{"id": "e4"}}, ""},
			"nothing is dead":     {history.Query{DeadLetters: true}, ""},
			"nothing waits":       {history.Query{Pending: true}, ""},
			"no such value":       {history.Query{Attributes: map[string]string{"alertname": "'; DROP TABLE events; --"}}, ""},
			"an attribute of all": {history.Query{Attributes: map[string]string{"source": "/alertmanager/default"}, Limit: 1}, "e0"},
		} {
			t.Run(name, func(t *testing.T) {
				if got := ids(list(t, s, test.q)); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
			})
		}
		t.Run("filter that is not boolean", func(t *testing.T) {
			var filter *store.FilterError
			if _, err := s.List(t.Context(), history.Query{Filter: "pod"}); !errors.As(err, &filter) {
				t.Errorf("%v", err)
			}
		})
		t.Run("page by page", func(t *testing.T) {
			for limit := 1; limit <= 11; limit++ {
				for _, descending := range []bool{false, true} {
					got := all(t, s, history.Query{Limit: limit, Descending: descending, Filter: "pod = 'p1'"})
					if descending {
						slices.Reverse(got)
					}
					if ids(got) != "e1 e3 e5 e7 e9" {
						t.Errorf("%d at a time: %s", limit, ids(got))
					}
				}
			}
		})
	})
}

// A long look ends with a cursor, and what follows it is found.
func TestAPageIsNeverSilentlyShort(t *testing.T) {
	s := use(t, func() *store.Store {
		s, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "archive.db"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
	var writers sync.WaitGroup
	const n = 21_000 // more than are looked at for a page
	for w := range 100 {
		writers.Go(func() {
			for i := range n / 100 {
				if _, err := s.Write(t.Context(), store.Arrival{Event: alertEvent(fmt.Sprintf("e%d-%d", w, i), nil)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	write(t, s, store.Arrival{Event: alertEvent("last", map[string]string{"pod": "p"})})
	p, err := s.List(t.Context(), history.Query{Filter: "EXISTS pod"})
	if err != nil || len(p.Events) != 0 || p.Next == "" {
		t.Errorf("the first page has %d events, next %q, %v", len(p.Events), p.Next, err)
	}
	if got := ids(all(t, s, history.Query{Filter: "EXISTS pod"})); got != "last" {
		t.Errorf("found %q", got)
	}
}

// Readers that follow Seq miss nothing, with several processes on one database.
func TestSeqIsInTheOrderOfCommits(t *testing.T) {
	dsn := postgres.Start(t).Database(t)
	open := func() *store.Store {
		s, err := store.OpenPostgres(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		return use(t, func() *store.Store { return s })
	}
	replicas := []*store.Store{open(), open(), open()}
	const each = 300
	var writers sync.WaitGroup
	for r, s := range replicas {
		for w := range 4 {
			writers.Go(func() {
				for i := range each {
					if _, err := s.Write(t.Context(), store.Arrival{Event: alertEvent(fmt.Sprintf("%d-%d-%d", r, w, i), nil)}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	reader, want := open(), len(replicas)*4*each
	seen, last := map[string]bool{}, time.Time{}
	until := time.Now().Add(5 * time.Minute)
	for q := (history.Query{Limit: 50}); len(seen) < want && time.Now().Before(until); {
		for _, e := range list(t, reader, q) {
			if e.Seq != q.After+1 {
				t.Fatalf("after %d comes %d", q.After, e.Seq)
			}
			if e.Received.Before(last) {
				t.Fatalf("%d came at %s, before %s", e.Seq, e.Received, last)
			}
			q.After, last, seen[e.Event.ID()] = e.Seq, e.Received, true
		}
	}
	writers.Wait()
	if len(seen) != want {
		t.Errorf("seen %d of %d", len(seen), want)
	}
}

func TestWriteEndsWithItsContextAndTheStore(t *testing.T) {
	both(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for i := range 50 { // some are taken by the next transaction, some are not
			_, err := s.Write(ended, store.Arrival{Event: alertEvent(fmt.Sprint("e", i), nil)})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(t.Context(), store.Arrival{Event: alertEvent("late", nil)}); !errors.Is(err, store.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestDSNIsNoError(t *testing.T) {
	for _, dsn := range []string{"postgres://me:geheim@[", "password=geheim port=geheim", "postgres://me:geheim@127.0.0.1:1/archive?connect_timeout=1"} {
		_, err := store.OpenPostgres(t.Context(), dsn)
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%v", err)
		}
	}
}
