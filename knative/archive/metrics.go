package archive

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/knative/archive/store"
	"github.com/quench-dev/quench/knative/deadletter"
)

// metrics are those of the archive itself, and those that it makes from outcomes:
// functions scale to zero and cannot be scraped.
type metrics struct {
	registry          *prometheus.Registry
	events, letters   *prometheus.CounterVec
	actions           *prometheus.CounterVec
	durations         *prometheus.HistogramVec
	writes            prometheus.Histogram
	outcomes          labels
	store             *store.Store
	log               zerolog.Logger
	stored, size, due *prometheus.Desc
}

func newMetrics(s *store.Store, log zerolog.Logger) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(), store: s, log: log,
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quench_archive_events_total", Help: "Events that came: event (the first of its identity), repeat (delivered once more), dead_letter.",
		}, []string{"kind"}),
		letters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quench_dead_letters_total", Help: "Events that no function took, by the status code of the last try; unknown where Knative gives none.",
		}, []string{"code"}),
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quench_actions_total", Help: "Outcomes of functions, each counted once, by outcome and reason.",
		}, []string{"function", "outcome", "reason"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "quench_action_duration_seconds", Help: "How long functions took for what they did.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"function"}),
		writes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quench_archive_write_seconds", Help: "From an event's arrival until it was on disk.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		stored: prometheus.NewDesc("quench_archive_events", "Events that are kept now.", nil, nil),
		due:    prometheus.NewDesc("quench_archive_dead_letters_pending", "Dead letters that no replay has delivered.", nil, nil),
		size:   prometheus.NewDesc("quench_archive_bytes", "What the events take, as ARCHIVE_MAX_SIZE bounds it.", nil, nil),
	}
	for _, kind := range []string{"event", "repeat", "dead_letter"} {
		m.events.WithLabelValues(kind) // so that they are there from the start
	}
	m.registry.MustRegister(m.events, m.letters, m.actions, m.durations, m.writes, m,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// kept counts an arrival that is on disk.
func (m *metrics) kept(a store.Arrival, k store.Kept, took time.Duration) {
	m.writes.Observe(took.Seconds())
	switch {
	case a.DeadLetter != nil:
		m.events.WithLabelValues("dead_letter").Inc()
		m.letters.WithLabelValues(deadletter.StatusOf(a.DeadLetter.Code)).Inc()
	case k.New:
		m.events.WithLabelValues("event").Inc()
	default:
		m.events.WithLabelValues("repeat").Inc()
	}
	if k.New {
		m.outcome(&a.Event)
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) { ch <- m.stored; ch <- m.due; ch <- m.size }

// Collect implements prometheus.Collector: it counts what is there at each scrape.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	c, err := m.store.Counts(ctx)
	if err != nil { // the other metrics are told all the same
		m.log.Warn().Err(err).Msg("not counted")
		return
	}
	ch <- prometheus.MustNewConstMetric(m.stored, prometheus.GaugeValue, float64(c.Events))
	ch <- prometheus.MustNewConstMetric(m.due, prometheus.GaugeValue, float64(c.Pending))
	ch <- prometheus.MustNewConstMetric(m.size, prometheus.GaugeValue, float64(c.Bytes))
}
