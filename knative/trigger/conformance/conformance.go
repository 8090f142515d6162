// Package conformance is one table of what Triggers make of events, in every dialect. Package trigger's tests hold it, and
// Knative's filter, to the table; the end-to-end tests hold a real Broker to it.
package conformance

import (
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"sigs.k8s.io/yaml"
)

// Answer is what a Trigger makes of an event.
type Answer string

// The answers.
const (
	Match   Answer = "match"
	NoMatch Answer = "no match"
	Panics  Answer = "panic" // the filter panics, and the delivery fails
)

// Row is a Trigger and what it makes of the two events.
type Row struct {
	Name string
	Spec string // a fragment of the Trigger's spec, YAML
	// Whole and Bare are what it makes of the events of these names.
	Whole, Bare Answer
}

// Rows is the table.
func Rows() []Row { return append(dialects, expressions...) }

// Events are the events of the table, by name.
func Events() map[string]event.Event {
	return map[string]event.Event{"whole": Whole(), "bare": Bare()}
}

// Want is what the row's Trigger makes of the event of this name.
func (r Row) Want(name string) Answer {
	if name == "whole" {
		return r.Whole
	}
	return r.Bare
}

// Trigger is the row's Trigger, without a subscriber.
func (r Row) Trigger(namespace, name string) (*eventingv1.Trigger, error) {
	t := &eventingv1.Trigger{}
	t.Namespace, t.Name, t.Spec.Broker = namespace, name, "default"
	if err := yaml.UnmarshalStrict([]byte(r.Spec), &t.Spec); err != nil {
		return nil, fmt.Errorf("%s: read spec: %w", r.Name, err)
	}
	return t, nil
}

// Whole is an alert's event as the adapter makes it, with extensions of every CloudEvents type besides, so that it is seen
// what becomes of them on the wire.
func Whole() event.Event {
	e := event.New()
	e.SetID("a1b2")
	e.SetType("io.prometheus.alertmanager.alert.firing")
	e.SetSource("/alertmanager/default")
	e.SetSubject("PodUnscheduleable/c0ffee")
	e.SetTime(time.Date(2026, 11, 20, 23, 0, 0, 500, time.FixedZone("CET", 3600)))
	for name, value := range map[string]any{
		"alertname": "PodUnscheduleable", "severity": "critical", "namespace": "shop-eu", "pod": "frontend-7f9-x1",
		"replicas": 3, "paused": true, "deadline": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "empty": "",
		"digest": []byte{1, 2}, "padded": "  x\t", "team": "équipe", "quote": "it's", "number": "42", "percent": "50%_x",
	} {
		e.SetExtension(name, value)
	}
	_ = e.SetData(event.ApplicationJSON, map[string]string{"status": "firing"}) // of strings: it can be encoded
	return e
}

// Bare is an alert's event with its name and nothing else: what is asked of other attributes finds none.
func Bare() event.Event {
	e := event.New()
	e.SetID("c3d4")
	e.SetType("io.prometheus.alertmanager.alert.resolved")
	e.SetSource("/alertmanager/other")
	e.SetExtension("alertname", "Bare")
	return e
}
