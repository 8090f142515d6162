package lint_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
	"knative.dev/eventing/pkg/apis/eventing"
	v1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/broker"
	"knative.dev/eventing/pkg/broker/filter"
	"knative.dev/eventing/pkg/broker/ingress"
	"knative.dev/eventing/pkg/channel/fanout"
	"knative.dev/eventing/pkg/client/clientset/versioned/fake"
	"knative.dev/eventing/pkg/client/informers/externalversions"
	"knative.dev/eventing/pkg/eventingtls"
	"knative.dev/eventing/pkg/kncloudevents"
	"knative.dev/eventing/pkg/reconciler/sugar/trigger/path"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// knative is Knative's Broker on the in-memory channel, of Knative's own parts: ingress, the channel's fanout and the
// filter, each behind HTTP. What is left out are the controllers: the test does what they do, and puts Triggers into the
// stores and makes their subscriptions.
type knative struct {
	ingress, filter, channel *httptest.Server
	triggers                 interface{ Add(any) error }
	fanout                   *fanout.FanoutEventHandler
	subscriptions            []fanout.Subscription
	busy                     atomic.Int32 // requests that the ingress and the channel work on

	subscriber, deadLetter *box
}

func newKnative(t *testing.T) *knative {
	t.Helper()
	t.Setenv("SYSTEM_NAMESPACE", "knative-eventing")
	k := &knative{}
	k.subscriber, k.deadLetter = newBox(t), newBox(t)
	informers := externalversions.NewSharedInformerFactory(fake.NewSimpleClientset(), 0)
	triggers, brokers := informers.Eventing().V1().Triggers(), informers.Eventing().V1().Brokers()
	plain := func(ctx context.Context) context.Context { return ctx }
	meters, traces, log := metricnoop.NewMeterProvider(), tracenoop.NewTracerProvider(), zap.NewNop()

	filters, err := filter.NewHandler(log, nil, nil, triggers, brokers, informers.Messaging().V1().Subscriptions(), nil, plain, meters, traces)
	if err != nil {
		t.Fatal(err)
	}
	k.triggers = triggers.Informer().GetStore()
	k.filter = serve(t, filters.ServeHTTP)

	dispatcher := kncloudevents.NewDispatcher(eventingtls.ClientConfig{}, nil,
		kncloudevents.WithMeterProvider(meters), kncloudevents.WithTraceProvider(traces))
	if k.fanout, err = fanout.NewFanoutEventHandler(log, fanout.Config{}, nil, nil, nil, dispatcher, meters, traces); err != nil {
		t.Fatal(err)
	}
	k.channel = serve(t, func(w http.ResponseWriter, r *http.Request) {
		k.busy.Add(1)
		defer k.busy.Add(-1)
		r.Host = "default-kne-trigger.default.svc.cluster.local" // by which the channel knows itself
		k.fanout.ServeHTTP(w, r)
	})

	b := &v1.Broker{}
	b.Namespace, b.Name = "default", "default"
	b.Status.Annotations = map[string]string{eventing.BrokerChannelAddressStatusAnnotationKey: k.channel.URL}
	if err := brokers.Informer().GetStore().Add(b); err != nil {
		t.Fatal(err)
	}
	in, err := ingress.NewHandler(log, broker.TTLDefaulter(log, 255), brokers, nil, nil, nil, plain, meters, traces)
	if err != nil {
		t.Fatal(err)
	}
	k.ingress = serve(t, func(w http.ResponseWriter, r *http.Request) {
		k.busy.Add(1)
		defer k.busy.Add(-1)
		in.ServeHTTP(w, r)
	})
	return k
}

// serve keeps net/http from printing a panic, which is what some cases are about; the connection is cut all the same.
func serve(t *testing.T, handle http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				panic(http.ErrAbortHandler)
			}
		}()
		handle(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// apply does what the API server and Knative's controllers do with a Trigger.
func (k *knative) apply(t *testing.T, tr *v1.Trigger) {
	t.Helper()
	tr = tr.DeepCopy()
	tr.UID = "1"
	tr.Status.SubscriberURI = k.subscriber.url
	if err := k.triggers.Add(tr); err != nil {
		t.Fatal(err)
	}
	s := fanout.Subscription{Name: tr.Name, Namespace: tr.Namespace, Subscriber: address(t, k.filter.URL+path.Generate(tr))}
	reply := address(t, k.ingress.URL+"/"+tr.Namespace+"/"+tr.Spec.Broker)
	s.Reply = &reply
	if d := tr.Spec.Delivery; d != nil {
		config, err := kncloudevents.RetryConfigFromDeliverySpec(*d)
		if err != nil {
			t.Fatal(err)
		}
		s.RetryConfig = &config
		if d.DeadLetterSink != nil {
			s.DeadLetter = &duckv1.Addressable{URL: k.deadLetter.url}
		}
	}
	for i := range k.subscriptions {
		if k.subscriptions[i].Name == s.Name {
			k.subscriptions[i] = s
			k.fanout.SetSubscriptions(t.Context(), k.subscriptions)
			return
		}
	}
	k.subscriptions = append(k.subscriptions, s)
	k.fanout.SetSubscriptions(t.Context(), k.subscriptions)
}

func address(t *testing.T, url string) duckv1.Addressable {
	t.Helper()
	u, err := apis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return duckv1.Addressable{URL: u}
}

// send sends an event to the Broker, as the adapter does, and says what it answers: 0 where the sender gave up first. It
// returns when the channel has done with the event.
func (k *knative) send(t *testing.T, e event.Event, timeout time.Duration) (status int) {
	t.Helper()
	defer func() {
		for k.busy.Load() > 0 { // what is under way is waited for, also where the sender has given up
			time.Sleep(time.Millisecond)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, k.ingress.URL+"/default/default", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if err := cehttp.WriteRequest(binding.WithForceBinary(ctx), binding.ToMessage(&e), r); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// box is a subscriber that keeps what comes.
type box struct {
	url *apis.URL

	mu     sync.Mutex
	events []event.Event
	// answer, if there is one, answers the n-th delivery, from 1.
	answer func(n int, w http.ResponseWriter, r *http.Request, e event.Event)
}

func newBox(t *testing.T) *box {
	b := &box{}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		e, err := cehttp.NewEventFromHTTPRequest(r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		b.mu.Lock()
		b.events = append(b.events, *e)
		n, answer := len(b.events), b.answer
		b.mu.Unlock()
		if answer != nil {
			answer(n, w, r, *e)
		}
	})
	b.url = address(t, s.URL).URL
	return b
}

func (b *box) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.events)
}
