package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	referenceadapter "github.com/quench-dev/quench/tests/bench/reference"
)

// counted is what a sink has taken.
type counted struct {
	Events  int64 `json:"events"`
	Twice   int64 `json:"twice"` // accepted though they had been accepted
	Refused int64 `json:"refused"`
}

// shard is a part of the ids that were accepted.
type shard struct {
	mu  sync.Mutex
	ids map[uint64]struct{}
}

// eventSink accepts events as a Broker does. It knows them by 64 bits of their ids.
type eventSink struct {
	shards                 [64]shard
	events, twice, refused atomic.Int64
	delay                  atomic.Int64 // before each answer
	refuseUntil            atomic.Int64 // refuses everything until then
}

func (s *eventSink) reset() {
	for i := range s.shards {
		s.shards[i].mu.Lock()
		s.shards[i].ids = map[uint64]struct{}{}
		s.shards[i].mu.Unlock()
	}
	s.events.Store(0)
	s.twice.Store(0)
	s.refused.Store(0)
	s.delay.Store(0)
	s.refuseUntil.Store(0)
}

func (s *eventSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if until := s.refuseUntil.Load(); until != 0 && time.Now().UnixNano() < until {
		s.refused.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	id := r.Header.Get("Ce-Id")
	if len(id) < 16 {
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	key, err := strconv.ParseUint(id[:16], 16, 64)
	if err != nil {
		http.Error(w, "no event", http.StatusBadRequest)
		return
	}
	if delay := s.delay.Load(); delay > 0 {
		time.Sleep(time.Duration(delay))
	}
	part := &s.shards[key%64]
	part.mu.Lock()
	_, known := part.ids[key]
	part.ids[key] = struct{}{}
	part.mu.Unlock()
	s.events.Add(1)
	if known {
		s.twice.Add(1)
	}
	w.WriteHeader(http.StatusAccepted)
}

// sink serves one. PUT /-/reset?delay=20ms&refuse=2s empties it and says how it
// goes on; GET /-/counted says what it took.
func sink(ctx context.Context, _ []string) error {
	s := &eventSink{}
	s.reset()
	mux := http.NewServeMux()
	mux.Handle("POST /", s)
	mux.HandleFunc("PUT /-/reset", func(w http.ResponseWriter, r *http.Request) {
		s.reset()
		for name, set := range map[string]func(time.Duration){
			"delay":  func(d time.Duration) { s.delay.Store(int64(d)) },
			"refuse": func(d time.Duration) { s.refuseUntil.Store(time.Now().Add(d).UnixNano()) },
		} {
			text := r.URL.Query().Get(name)
			if text == "" {
				continue
			}
			d, err := time.ParseDuration(text)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			set(d)
		}
	})
	mux.HandleFunc("GET /-/counted", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(counted{s.events.Load(), s.twice.Load(), s.refused.Load()})
	})
	return listen(ctx, mux)
}

// nothing answers every webhook at once.
func nothing(ctx context.Context, _ []string) error {
	return listen(ctx, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
}

func reference(ctx context.Context, args []string) error {
	h, err := referenceadapter.Handler(args[0])
	if err != nil {
		return err
	}
	return listen(ctx, h)
}
