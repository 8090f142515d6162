// Package functiontest is what the tests of all functions share: a namespace on a
// real API server, alerts and their events, and a clock to turn.
package functiontest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"k8s.io/client-go/rest"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/knative"    //nolint:depguard // imported by tests alone
	"github.com/quench-dev/quench/tests/kube" //nolint:depguard // imported by tests alone
)

// World is a namespace of its own in a cluster that knows Remediations.
type World struct {
	Config    *rest.Config
	Namespace string
	Client    *cluster.Client
	Clock     *Clock
}

var defined sync.Once

// New makes a World. It fails the test where there is no Kubernetes.
func New(tb testing.TB) *World {
	tb.Helper()
	config := kube.Start(tb)
	defined.Do(func() {
		text, err := knative.Base.ReadFile("base/remediations.yaml")
		if err != nil {
			tb.Fatal(err)
		}
		kube.Apply(tb, config, text)
	})
	namespace := kube.Namespace(tb, config)
	return &World{Config: config, Namespace: namespace, Client: cluster.For(config, namespace), Clock: &Clock{}}
}

// Clock is the real time, moved ahead by what Advance was told.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// Now is the time on the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance turns the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// Alert is a firing alert with these labels, started at a time of its own.
func Alert(labels map[string]string) *alert.Alert {
	started := time.Date(2026, 11, 20, 22, 0, 0, 123e6, time.UTC)
	parts := []string{"fingerprint"}
	for _, name := range sorted(labels) {
		parts = append(parts, name, labels[name])
	}
	return &alert.Alert{
		Status: alert.Firing, Labels: labels, Annotations: map[string]string{"summary": "it burns"}, StartsAt: started,
		GeneratorURL: "http://prometheus.example/graph", Fingerprint: alert.Hash(parts...)[:16],
		Group: &alert.Group{Receiver: "quench", Status: alert.Firing, Version: "4"},
	}
}

// Resolved is the same alert, over.
func Resolved(a *alert.Alert) *alert.Alert {
	over := *a
	over.Status, over.EndsAt = alert.Resolved, a.StartsAt.Add(time.Hour)
	return &over
}

// Event is the event that the adapter makes of an alert.
func Event(tb testing.TB, a *alert.Alert, recorded time.Time) event.Event {
	tb.Helper()
	enc := alert.Encoder{Source: alert.Source("test")}
	e, err := enc.ToEvent(a, recorded)
	if err != nil {
		tb.Fatalf("encode alert: %v", err)
	}
	return e
}

// Outcome is what an outcome event says.
type Outcome struct {
	ID, Type, Subject string
	Attributes        map[string]any
	Function          string           `json:"function"`
	EventID           string           `json:"eventId"`
	Outcome           function.Outcome `json:"outcome"`
	Reason            string           `json:"reason"`
	Message           string           `json:"message"`
	Target            string           `json:"target"`
	SignedBy          string           `json:"signedBy"`
	Actions           []function.Acted `json:"actions"`
	Alert             json.RawMessage  `json:"alert"`
	Raw               []byte           `json:"-"`
}

// Read reads an outcome event.
func Read(tb testing.TB, e *event.Event) Outcome {
	tb.Helper()
	if e == nil {
		tb.Fatal("no outcome event")
	}
	var o Outcome
	if err := json.Unmarshal(e.Data(), &o); err != nil {
		tb.Fatalf("read outcome: %v\n%s", err, e.Data())
	}
	o.ID, o.Type, o.Subject, o.Attributes, o.Raw = e.ID(), e.Type(), e.Subject(), e.Extensions(), e.Data()
	if err := e.Validate(); err != nil {
		tb.Errorf("outcome event: %v", err)
	}
	return o
}

// Handle hands an event to a function and reads the outcome.
func Handle(tb testing.TB, f *function.Function, e event.Event) Outcome {
	tb.Helper()
	reply, err := f.Handle(context.Background(), e)
	if err != nil {
		tb.Fatalf("handle: %v", err)
	}
	return Read(tb, reply)
}

// Want fails the test unless an outcome and its reason are these.
func (o Outcome) Want(tb testing.TB, outcome function.Outcome, reason string) {
	tb.Helper()
	if o.Outcome != outcome || o.Reason != reason || o.Type != outcome.Type() {
		tb.Errorf("got %s (%s: %s), want %s (%s)", o.Outcome, o.Reason, o.Message, outcome, reason)
	}
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
