package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/client"
)

// cut breaks a stream off after so many bytes.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return c.ResponseWriter.Write(b)
}

func (c *cut) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// A stream that breaks off again and again tells of each event once, in order.
func TestStreamIsTakenUpAgain(t *testing.T) {
	var streams atomic.Int32
	a := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/stream") && streams.Add(1) <= 3 {
				w = &cut{w, 1500} // some events long
			}
			next.ServeHTTP(w, r)
		})
	})
	fill(t, a, 0, 5)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []string
	lost := 0
	enough := errors.New("enough")
	done := make(chan error, 1)
	begun := make(chan struct{}, 1)
	go func() {
		done <- a.Stream(ctx, history.Query{After: 2}, func(e history.Entry) error {
			select {
			case begun <- struct{}{}:
			default:
			}
			if got = append(got, e.Event.ID()); len(got) == 18 {
				return enough
			}
			return nil
		}, func(error, time.Duration) { lost++ })
	}()
	<-begun
	fill(t, a, 5, 20)
	if err := <-done; !errors.Is(err, enough) {
		t.Fatal(err)
	}
	var want []string
	for n := 2; n < 20; n++ {
		want = append(want, fmt.Sprintf("e%d", n))
	}
	if !slices.Equal(got, want) || lost != 3 {
		t.Errorf("broken off %d times, it told of %q", lost, got)
	}
}

// Without a place to begin at it tells of what comes from then on, and of all that has come with a time.
func TestStreamBegins(t *testing.T) {
	a := serve(t, nil)
	fill(t, a, 0, 3)
	first := func(q history.Query, meanwhile func()) string {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		got := make(chan string, 1)
		stop := errors.New("stop")
		ended := make(chan error, 1)
		go func() {
			ended <- a.Stream(ctx, q, func(e history.Entry) error { got <- e.Event.ID(); return stop }, nil)
		}()
		for n := 100; ; n++ { // until the stream is there to tell of it
			meanwhile()
			select {
			case err := <-ended:
				if !errors.Is(err, stop) {
					t.Fatal(err)
				}
				return <-got
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	n := 100
	later := func() { fill(t, a, n, n+1); n++ }
	if id := first(history.Query{}, later); len(id) != len("e100") {
		t.Errorf("from now on it began with %s", id)
	}
	if id := first(history.Query{Since: time.Now().Add(-time.Hour)}, func() {}); id != "e0" {
		t.Errorf("of the last hour it began with %s", id)
	}
}

func TestStreamIsRefused(t *testing.T) {
	a := serve(t, nil)
	err := a.Stream(t.Context(), history.Query{Filter: "("}, func(history.Entry) error { return nil }, nil)
	if status, ok := errors.AsType[*client.StatusError](err); !ok || status.Code != http.StatusBadRequest {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Stream(ctx, history.Query{After: 1}, func(history.Entry) error { return nil }, nil); err != nil {
		t.Errorf("ended by who asked for it: %v", err)
	}
}

// The archive says why it ends a stream; what follows is asked for again.
func TestStreamThatTheArchiveEnds(t *testing.T) {
	var streams atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // an archive on its way out
		if streams.Add(1) == 1 {
			_, _ = w.Write([]byte("event: end\ndata: {\"error\":\"shut down\"}\n\n"))
			return
		}
		http.Error(w, `{"error":"no more"}`, http.StatusGone)
	}))
	defer server.Close()
	a, err := client.At(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var why error
	err = a.Stream(t.Context(), history.Query{After: 1}, func(history.Entry) error { t.Error("an event"); return nil }, func(err error, _ time.Duration) { why = err })
	if err == nil || !strings.Contains(err.Error(), "410 Gone: no more") || why == nil || !strings.Contains(why.Error(), "shut down") {
		t.Errorf("%v, after %v", err, why)
	}
}
