package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/knative/archive"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/client"
)

const patience = time.Minute

// serve is a real archive, behind what around makes of its handler.
func serve(t *testing.T, around func(http.Handler) http.Handler) *client.Archive {
	t.Helper()
	c := config.Archive{
		File: filepath.Join(t.TempDir(), "archive.db"), MaxSize: 1 << 30, MaxBodyBytes: 1 << 20, MaxInFlightBytes: 8 << 20,
		MaxStreams: 3, WriteTimeout: config.Duration(time.Minute),
	}
	store, err := archive.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	a := archive.New(c, store, zerolog.Nop())
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	handler := a.Handler()
	if around != nil {
		handler = around(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		end()
		running.Wait()
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	at, err := client.At(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// anEvent is the nth; its data is what JSON's encoders would change.
func anEvent(n int) event.Event {
	e := event.New()
	e.SetID(fmt.Sprintf("e%d", n))
	e.SetType("io.prometheus.alertmanager.alert.firing")
	e.SetSource("/alertmanager/default")
	e.SetExtension("alertname", fmt.Sprintf("Alert%d", n%2))
	e.SetExtension("correlationid", fmt.Sprintf("c%d", n%3))
	e.SetDataContentType("application/json")
	e.DataEncoded = []byte("{ \"n\": \"<&>\u2028\" }\n")
	return e
}

func fill(t *testing.T, a *client.Archive, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := a.Put(t.Context(), history.Entry{Event: anEvent(n)}); err != nil {
			t.Fatal(err)
		}
	}
}

func ids(t *testing.T, a *client.Archive, q history.Query, most int) (all []string) {
	t.Helper()
	err := a.List(t.Context(), q, most, func(e history.Entry) error {
		if string(e.Event.Data()) != string(anEvent(0).Data()) {
			t.Errorf("event %s has data %q", e.Event.ID(), e.Event.Data())
		}
		all = append(all, e.Event.ID())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A list of several pages is whole, in order, and no longer than asked for.
func TestList(t *testing.T) {
	asked := 0
	a := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				asked++
			}
			next.ServeHTTP(w, r)
		})
	})
	const all = 450
	fill(t, a, 0, all)
	got := ids(t, a, history.Query{}, 0)
	if len(got) != all || got[0] != "e0" || got[all-1] != "e449" || asked != 3 {
		t.Errorf("%d events, %s to %s, in %d pages", len(got), got[0], got[len(got)-1], asked)
	}
	if got := ids(t, a, history.Query{Descending: true}, 201); len(got) != 201 || got[0] != "e449" || got[200] != "e249" {
		t.Errorf("%d events, %s to %s", len(got), got[0], got[len(got)-1])
	}
	if got := ids(t, a, history.Query{Filter: "alertname = 'Alert1'"}, 3); !slices.Equal(got, []string{"e1", "e3", "e5"}) {
		t.Errorf("with a filter: %q", got)
	}
	story, err := a.Story(t.Context(), "c1")
	if err != nil || len(story) != 150 || story[0].Event.ID() != "e1" {
		t.Errorf("a story of %d events: %v", len(story), err)
	}
	if story, err := a.Story(t.Context(), "no/body"); err != nil || len(story) != 0 {
		t.Errorf("nobody's story: %d, %v", len(story), err)
	}
	if e, err := a.Get(t.Context(), 7); err != nil || e.Event.ID() != "e6" {
		t.Errorf("the 7th is %s, %v", e.Event.ID(), err)
	}
}

func TestListEndsWithTheFirstError(t *testing.T) {
	a := serve(t, nil)
	fill(t, a, 0, 3)
	n, enough := 0, errors.New("enough")
	err := a.List(t.Context(), history.Query{}, 0, func(history.Entry) error { n++; return enough })
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
}

func TestRefusals(t *testing.T) {
	a := serve(t, nil)
	_, err := a.Get(t.Context(), 1)
	if status, ok := errors.AsType[*client.StatusError](err); !ok || status.Code != http.StatusNotFound || status.Text == "" {
		t.Errorf("what is not there: %v", err)
	}
	err = a.List(t.Context(), history.Query{Filter: "a = "}, 0, func(history.Entry) error { return nil })
	if status, ok := errors.AsType[*client.StatusError](err); !ok || status.Code != http.StatusBadRequest || !strings.Contains(status.Text, "filter=") {
		t.Errorf("a filter that is none: %v", err)
	}
	away, err := client.At("http://me:secret@127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = away.Get(t.Context(), 1)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody there: %v", err)
	}
	for _, address := range []string{"", "localhost:8080", "ftp://x/"} {
		if _, err := client.At(address); err == nil || !strings.Contains(err.Error(), "want the archive's URL") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// A dead letter waits where it is handed on to; one that was replayed does not.
func TestPutKeepsWhatWaits(t *testing.T) {
	a := serve(t, nil)
	letter := history.DeadLetter{Destination: "http://rollback", Code: "503", Reason: "held by another", Count: 3}
	waits, replayed := letter, letter
	at := time.Now().Add(-time.Hour)
	replayed.Redelivered = &at
	for n, d := range []*history.DeadLetter{nil, &waits, &replayed} {
		if err := a.Put(t.Context(), history.Entry{Event: anEvent(n), Arrivals: n, DeadLetter: d}); err != nil {
			t.Fatal(err)
		}
	}
	if got := ids(t, a, history.Query{}, 0); !slices.Equal(got, []string{"e0", "e1", "e2"}) {
		t.Errorf("it has %q", got)
	}
	if got := ids(t, a, history.Query{Pending: true}, 0); !slices.Equal(got, []string{"e1"}) {
		t.Errorf("%q wait", got)
	}
	e, err := a.Get(t.Context(), 2)
	if err != nil || e.DeadLetter.Reason != letter.Reason || e.DeadLetter.Code != "503" || e.DeadLetter.Destination != letter.Destination || e.Arrivals != 1 {
		t.Errorf("%+v, %v", e.DeadLetter, err)
	}
}
