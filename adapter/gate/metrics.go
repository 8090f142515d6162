package gate

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quench-dev/quench/config"
)

// metrics are the gate's own, in a registry of their own.
type metrics struct {
	registry      *prometheus.Registry
	ready, firing prometheus.Gauge
	probes        *prometheus.CounterVec
	questions     *prometheus.CounterVec
	duration      *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		ready: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quench_gate_ready", Help: "1 when the last answer was that no alert fires, else 0. It is as old as the last probe.",
		}),
		firing: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quench_gate_firing_alerts", Help: "Alerts that fired and counted when it was asked last.",
		}),
		probes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quench_gate_probes_total", Help: "Readiness probes by the status code of their answer.",
		}, []string{"code"}),
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quench_gate_questions_total", Help: "What each endpoint was asked: answered, or failed.",
		}, []string{"endpoint", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "quench_gate_question_duration_seconds", Help: "How long each endpoint took, whatever it answered.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 4, 5, 10},
		}, []string{"endpoint"}),
	}
	for _, code := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		m.probes.WithLabelValues(strconv.Itoa(code)) // an increase from nothing is no increase to Prometheus
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "quench_build_info", Help: "Always 1; its labels say what was built.",
		ConstLabels: prometheus.Labels{"version": config.Version, "revision": config.Revision(), "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.ready, m.firing, m.probes, m.questions, m.duration, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// expect has an endpoint's counts be there from the start, at zero.
func (m *metrics) expect(endpoint string) {
	m.questions.WithLabelValues(endpoint, "answered")
	m.questions.WithLabelValues(endpoint, "failed")
	m.duration.WithLabelValues(endpoint)
}

func (m *metrics) asked(endpoint string, took time.Duration, err error) {
	outcome := "answered"
	if err != nil {
		outcome = "failed"
	}
	m.questions.WithLabelValues(endpoint, outcome).Inc()
	m.duration.WithLabelValues(endpoint).Observe(took.Seconds())
}

func (m *metrics) probe(code int) { m.probes.WithLabelValues(strconv.Itoa(code)).Inc() }

func (m *metrics) judge(v verdict) {
	m.firing.Set(float64(len(v.firing)))
	m.ready.Set(0)
	if len(v.firing)+len(v.failed) == 0 {
		m.ready.Set(1)
	}
}
