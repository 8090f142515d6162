// Package deadletter is where events end that no function took: an HTTP
// receiver of CloudEvents that logs each one, whole, as one line at level error,
// so that it can be read, counted, and sent again by hand.
//
// An event is answered with 204 once its line is written, and never with an
// event. What is not an event is 400, what is too large 413, a compressed body
// 415; these are logged at level warn, since nobody sends them again. A body that
// breaks off is 503. Answers are short: Knative's dispatcher cannot carry more
// than 768 bytes of an error on.
//
// Nothing is kept beyond the log: what the log's collector drops is gone.
package deadletter

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/config/serve"
)

// answered is how much of an error an answer holds.
const answered = 200

// Sink takes dead letters. Make one with New.
type Sink struct {
	maxBody, maxLogged int
	log                zerolog.Logger
	letters            *prometheus.CounterVec
	registry           *prometheus.Registry
	metrics            http.Handler
}

// New makes a sink that logs to log. c must have been validated, as config.Load
// does.
func New(c config.DeadLetter, log zerolog.Logger) *Sink {
	s := &Sink{
		maxBody: int(c.MaxBodyBytes), maxLogged: int(c.MaxLoggedBytes), log: log, registry: prometheus.NewRegistry(),
		letters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quench_dead_letters_total", Help: "Events that no function took, by the status code of the last try; unknown where Knative gives none.",
		}, []string{"code"}),
	}
	s.registry.MustRegister(s.letters, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.metrics = promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return s
}

// Handler takes an event by POST on any path, in binary or structured mode, and
// answers GET /metrics.
func (s *Sink) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			s.take(w, r)
		case r.URL.Path == "/metrics" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			s.metrics.ServeHTTP(w, r)
		default:
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST a CloudEvent", http.StatusMethodNotAllowed)
		}
	})
}

func (s *Sink) take(w http.ResponseWriter, r *http.Request) {
	body, err := serve.Body(w, r, int64(s.maxBody))
	if err != nil {
		s.refuse(w, r, serve.Status(err), err)
		return
	}
	e, err := parse(r, body)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, fmt.Errorf("want a CloudEvent in binary or structured mode: %w", err))
		return
	}
	s.write(e)
	w.WriteHeader(http.StatusNoContent)
}

// refuse answers what cannot be logged as an event. Its id is known where it
// came in binary mode.
func (s *Sink) refuse(w http.ResponseWriter, r *http.Request, code int, err error) {
	s.log.Warn().Int("code", code).Str("event_id", r.Header.Get("Ce-Id")).Str("reason", err.Error()).Msg("dead letter refused")
	http.Error(w, cut(err.Error(), answered), code)
}

func parse(r *http.Request, body []byte) (e *event.Event, err error) {
	defer func() {
		if p := recover(); p != nil { // the SDK's decoders meet bytes from anywhere
			e, err = nil, fmt.Errorf("%v", p)
		}
	}()
	e, err = binding.ToEvent(r.Context(), cehttp.NewMessage(r.Header, io.NopCloser(bytes.NewReader(body))))
	if err != nil {
		return nil, err
	}
	return e, e.Validate()
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
