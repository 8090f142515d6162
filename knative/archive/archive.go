// Package archive is a service that keeps every event of a Broker, and every dead
// letter, and tells them again: by time, attributes, CESQL and correlation id, as
// a list, an alert's story or a stream.
//
// A Trigger without a filter POSTs to /, a Broker's deadLetterSink to
// /dead-letters. 204 says that the event is on disk. What is not an event is 400,
// what is too large 413, a compressed body 415: these are logged, since nobody
// sends them again. 503 is anything that may pass: too much at once, a disk that
// is full, a database that is away. Nothing is held in memory past its request.
//
// There is no login: who reaches the port may read and write. Network policies and
// the API server's rights say who does.
package archive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/knative/archive/store"
)

// sweepEvery is how often what is too old or too much is removed.
const sweepEvery = 30 * time.Second

// Archive serves a store. Make one with New.
type Archive struct {
	c       config.Archive
	log     zerolog.Logger
	store   *store.Store
	metrics *metrics
	room    *semaphore.Weighted // of bytes on their way to the disk
	streams atomic.Int64
	ending  chan struct{} // closed when streams are to end
	handler http.Handler
}

// Open opens what c names: PostgreSQL with a DSN, else a file of SQLite's.
func Open(ctx context.Context, c config.Archive) (*store.Store, error) {
	if c.DSN != "" {
		return store.OpenPostgres(ctx, string(c.DSN))
	}
	return store.OpenSQLite(ctx, c.File)
}

// New serves s, which stays the caller's to close. c must have been validated, as
// config.Load does.
func New(c config.Archive, s *store.Store, log zerolog.Logger) *Archive {
	a := &Archive{c: c, log: log, store: s, room: semaphore.NewWeighted(int64(c.MaxInFlightBytes)), ending: make(chan struct{})}
	a.metrics = newMetrics(s, log)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", a.take)
	mux.HandleFunc("POST /dead-letters", a.take)
	mux.HandleFunc("GET /api/v1/events", a.list)
	mux.HandleFunc("GET /api/v1/events/{seq}", a.one)
	mux.HandleFunc("GET /api/v1/stories/{correlationid}", a.story)
	mux.HandleFunc("GET /api/v1/stream", a.stream)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answerError(w, http.StatusNotFound, fmt.Errorf("%s %.100s: there is no such thing: POST an event to / or /dead-letters, GET /api/v1/events, /api/v1/stories/{correlationid} or /api/v1/stream", r.Method, r.URL.Path))
	})
	a.handler = mux
	return a
}

// Handler takes events and answers questions, as the package says. Errors are
// JSON: {"error": "…"}.
func (a *Archive) Handler() http.Handler { return a.handler }

// Ready says whether the database answers, within 2 s.
func (a *Archive) Ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return a.store.Ping(ctx)
}

// Run sweeps until ctx ends, and then ends the streams. It must be called once.
func (a *Archive) Run(ctx context.Context) {
	defer close(a.ending)
	bounds := store.Bounds{Age: time.Duration(a.c.MaxAge), Size: int64(a.c.MaxSize)}
	for {
		n, err := a.store.Sweep(ctx, bounds)
		switch {
		case err != nil && !errors.Is(err, context.Canceled):
			a.log.Error().Err(err).Msg("sweep")
		case n > 0:
			a.log.Info().Int64("events", n).Msg("swept")
		}
		select {
		case <-time.After(sweepEvery):
		case <-ctx.Done():
			return
		}
	}
}
