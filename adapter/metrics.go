package adapter

import (
	"net/http"
	"runtime"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
)

// metrics are the adapter's own, in a registry of their own: several adapters
// in one process do not meet.
type metrics struct {
	registry         *prometheus.Registry
	webhooks         *prometheus.CounterVec
	events           *prometheus.CounterVec
	delivered        prometheus.Counter
	firing, resolved prometheus.Counter
	sendDuration     prometheus.Histogram
	webhooksInFlight prometheus.Gauge
	sendsInFlight    prometheus.Gauge
}

func newMetrics() *metrics {
	alerts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "quench_adapter_alerts_total", Help: "Alerts in webhooks that were decoded, retries included.",
	}, []string{"status"})
	m := &metrics{
		registry: prometheus.NewRegistry(),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quench_adapter_webhooks_total", Help: "Webhooks by the status code of their answer.",
		}, []string{"code"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quench_adapter_events_total", Help: "Events by what became of them: delivered, failed, or remembered as delivered when the same webhook came before.",
		}, []string{"outcome"}),
		firing: alerts.WithLabelValues(string(alert.Firing)), resolved: alerts.WithLabelValues(string(alert.Resolved)),
		sendDuration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quench_adapter_send_duration_seconds", Help: "How long the sink took for one event, whatever it answered.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		webhooksInFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quench_adapter_webhooks_in_flight", Help: "Webhooks that are being worked on.",
		}),
		sendsInFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quench_adapter_sends_in_flight", Help: "Events that the sink has not answered yet.",
		}),
	}
	for _, code := range []int{200, 400, 401, 405, 413, 415, 503} {
		m.webhooks.WithLabelValues(strconv.Itoa(code)) // as below: an increase from nothing is no increase to Prometheus
	}
	m.delivered = m.events.WithLabelValues("delivered")
	for _, outcome := range []string{"failed", "remembered"} {
		m.events.WithLabelValues(outcome) // there from the start, at zero
	}
	m.registry.MustRegister(
		m.webhooks, alerts, m.events, m.sendDuration, m.webhooksInFlight, m.sendsInFlight, buildInfo(),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// count counts a decoded webhook's alerts.
func (m *metrics) count(p *alert.Payload) {
	firing := 0
	for _, a := range p.Alerts {
		if a.Status == alert.Firing {
			firing++
		}
	}
	m.firing.Add(float64(firing))
	m.resolved.Add(float64(len(p.Alerts) - firing))
}

// readiness is asked at each scrape, as probes do.
func readiness(ready func() error) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "quench_adapter_ready", Help: "1 when events can be sent on; 0 without a sink, or without the key that they are to be signed with.",
	}, func() float64 {
		if ready() != nil {
			return 0
		}
		return 1
	})
}

func buildInfo() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "quench_build_info", Help: "Always 1; its labels say what was built.",
		ConstLabels: prometheus.Labels{"version": config.Version, "revision": config.Revision(), "goversion": runtime.Version()},
	})
	g.Set(1)
	return g
}
