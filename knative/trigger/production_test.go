package trigger_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
	v1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/broker"
	"knative.dev/eventing/pkg/broker/filter"
	"knative.dev/eventing/pkg/client/clientset/versioned/fake"
	"knative.dev/eventing/pkg/client/informers/externalversions"
	"knative.dev/eventing/pkg/reconciler/sugar/trigger/path"
	"knative.dev/pkg/apis"

	"github.com/quench-dev/quench/knative/trigger/conformance"
)

// The answers that an event can get from a Trigger.
const (
	match   = conformance.Match
	noMatch = conformance.NoMatch
	panics  = conformance.Panics
)

// production is the filter of Knative's broker: the handler that its deployment mt-broker-filter serves, over HTTP.
type production struct {
	url       string
	store     interface{ Add(obj any) error }
	delivered chan struct{}
	panicked  chan any
	sink      *apis.URL
}

func newProduction(t *testing.T) *production {
	t.Helper()
	p := &production{delivered: make(chan struct{}, 1), panicked: make(chan any, 1)}
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { p.delivered <- struct{}{} }))
	t.Cleanup(sink.Close)
	var err error
	if p.sink, err = apis.ParseURL(sink.URL); err != nil {
		t.Fatal(err)
	}

	// The informers are never started: what they hold is put into their stores.
	informers := externalversions.NewSharedInformerFactory(fake.NewSimpleClientset(), 0)
	triggers := informers.Eventing().V1().Triggers()
	handler, err := filter.NewHandler(zap.NewNop(), nil, nil, triggers, informers.Eventing().V1().Brokers(),
		informers.Messaging().V1().Subscriptions(), nil, func(ctx context.Context) context.Context { return ctx },
		metricnoop.NewMeterProvider(), tracenoop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	p.store = triggers.Informer().GetStore()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if cause := recover(); cause != nil {
				p.panicked <- cause
			}
		}()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// answer sends the event as the broker's channel would and says what became of it.
func (p *production) answer(t *testing.T, trigger *v1.Trigger, e event.Event) conformance.Answer {
	t.Helper()
	trigger = trigger.DeepCopy()
	trigger.UID = "1"
	trigger.Status.SubscriberURI = p.sink
	if err := p.store.Add(trigger); err != nil {
		t.Fatal(err)
	}
	e = e.Clone()
	e.SetExtension(broker.TTLAttribute, "255")
	req, err := cehttp.NewHTTPRequestFromEvent(t.Context(), p.url+path.Generate(trigger), e)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	// The handler answers only after the sink has.
	select {
	case <-p.panicked:
		return panics
	case <-p.delivered:
		return match
	default:
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("Knative's filter answered %s", resp.Status)
		}
		return noMatch
	}
}
