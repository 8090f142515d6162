// Package gate is not ready while alerts fire. A kubelet's readiness probe asks
// it, it asks Prometheus or Alertmanager, and what looks whether pods are ready
// before it goes on (a drain, by way of a PodDisruptionBudget; a rolling update
// of nodes) waits.
//
// It answers what prometheus-alert-readiness answers: 200 "ok", or 503 with a
// line for each alert that fires. In doubt it is not ready:
//
//   - An endpoint that does not answer in time, that answers with anything but a
//     whole and successful answer, or with more than 16 MiB, is a line, too.
//   - Of several endpoints every one has to answer, and none may have an alert.
//   - What a probe is told was asked for at most a second before the probe came.
//     Probes that come together share it. Nothing is remembered beyond that.
//
// Liveness is always 200: a gate that is started again knows no more.
//
// The passwords that an endpoint's URL or HTTP_CLIENT_CONFIG_FILE may hold are in
// no answer, log line or metric.
package gate

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
)

// Gate answers probes. Make one with New. It has no goroutines beyond those that
// ask, which end within PROMETHEUS_API_TIMEOUT.
type Gate struct {
	liveness, readiness string
	endpoints           []*endpoint
	answers             shared
	metrics             *metrics
	log                 zerolog.Logger

	mu    sync.Mutex
	told  string // what was logged last
	knows bool   // whether there was anything
}

// New makes a gate. Errors name the variable that is wrong. cfg must have been
// validated, as config.LoadGate does.
func New(cfg config.Gate, log zerolog.Logger) (*Gate, error) {
	counts, err := newChoice(cfg)
	if err != nil {
		return nil, err
	}
	client, err := newClient(cfg.HTTPClientConfigFile)
	if err != nil {
		return nil, err
	}
	g := &Gate{liveness: cfg.LivenessPath, readiness: cfg.ReadinessPath, metrics: newMetrics(), log: log}
	for i := range cfg.Prometheus {
		g.endpoints = append(g.endpoints, newEndpoint(prometheusAlerts, &cfg.Prometheus[i], client, counts, g.metrics))
	}
	for i := range cfg.Alertmanager {
		g.endpoints = append(g.endpoints, newEndpoint(alertmanagerAlerts, &cfg.Alertmanager[i], client, counts, g.metrics))
	}
	g.answers = shared{timeout: time.Duration(cfg.APITimeout), ask: g.ask}
	return g, nil
}

// Asked names what is asked, for people: without names and passwords.
func (g *Gate) Asked() []string {
	var all []string
	for _, e := range g.endpoints {
		all = append(all, e.name)
	}
	return all
}

// Handler answers both probes, by any method, and /metrics.
func (g *Gate) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", g.metrics.handler())
	mux.HandleFunc(g.liveness, func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc(g.readiness, g.ready)
	return mux
}

// ready answers a readiness probe.
func (g *Gate) ready(w http.ResponseWriter, r *http.Request) {
	v, err := g.answers.get(r.Context())
	if err != nil { // who asked has gone
		g.metrics.probe(http.StatusServiceUnavailable)
		answer(w, []string{err.Error()})
		return
	}
	g.tell(v)
	lines := v.lines()
	code := http.StatusOK
	if len(lines) > 0 {
		code = http.StatusServiceUnavailable
	}
	g.metrics.probe(code)
	answer(w, lines)
}

// answer is ok without lines. It is text that prometheus-alert-readiness' users
// may match on.
func answer(w http.ResponseWriter, lines []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff") // labels are anybody's
	if len(lines) == 0 {
		_, _ = io.WriteString(w, "ok\n") // a prober that has left does not matter
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprintf(w, "not ok, err:\n%s\n", strings.Join(lines, "\n"))
}
