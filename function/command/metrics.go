package command

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The stages of errors, as prometheus-am-executor has them.
const (
	StageRead      = "read"
	StageUnmarshal = "unmarshal"
	StageStart     = "start"
)

// metrics are prometheus-am-executor's, so that dashboards go on working.
type metrics struct {
	registry  *prometheus.Registry
	duration  prometheus.Histogram
	current   prometheus.Gauge
	errors    *prometheus.CounterVec
	signalled *prometheus.CounterVec
	skipped   *prometheus.CounterVec
}

func newMetrics() *metrics {
	counter := func(name, help, label string, values ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		for _, v := range values {
			c.WithLabelValues(v) // there from the start, at zero
		}
		return c
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "am_executor_process_duration_seconds", Help: "How long commands ran.", Buckets: []float64{1, 10, 60, 600, 900, 1800},
		}),
		current:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "am_executor_processes_current", Help: "Commands that run now."}),
		errors:    counter("am_executor_errors_total", "Webhooks that could not be read, and commands that failed and ask for another delivery.", "stage", StageRead, StageUnmarshal, StageStart),
		signalled: counter("am_executor_signalled_total", "Commands that were sent a signal because their alert resolved.", "result", "ok", "fail"),
		skipped:   counter("am_executor_skipped_total", "Commands that were not run: no match, or max of them run already.", "reason", "nomatch", "fingerover"),
	}
	m.registry.MustRegister(m.duration, m.current, m.errors, m.signalled, m.skipped)
	return m
}

// Metrics is the function's GET /metrics.
func (c *Command) Metrics() http.Handler {
	return promhttp.HandlerFor(c.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Failed counts a webhook that could not be taken in.
func (c *Command) Failed(stage string) { c.metrics.errors.WithLabelValues(stage).Inc() }
