// Package draft writes Triggers: for a function and the alerts that are to reach it, in the simplest dialect that says so.
//
// Knative's filters know no regular expressions. What an expression says that they cannot, the filter lets through: it
// catches all that was asked for, and never less, and a [Draft] says what it catches too many of and which rule has to
// stay in the function. That is said of values as attributes hold them, which is as labels do, but without blanks at the
// ends and cut at [alert.MaxValueBytes]: an expression about these finds something else there. And where a filter needs
// CESQL's LIKE, it may miss values that have a % in them, which Knative's evaluator takes for one of the pattern's.
//
// What may go wrong: an expression that cannot be parsed, a label that becomes no attribute, and a matcher that no alert
// passes are errors that name it.
package draft

import (
	"errors"
	"fmt"
	"slices"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/trigger"
)

// Options say what is wanted.
type Options struct {
	Name      string // empty: made of function and alerts
	Namespace string // empty: quench
	Broker    string // empty: default

	Function      string // the Knative Service that subscribes; or
	SubscriberURI string

	// Rules are the alerts that are to reach the subscriber: those that pass any of them.
	Rules []Rule
	// Firing asks for alerts that fire alone, not those that have resolved.
	Firing bool
	// Groups asks for whole notifications instead of single alerts; the adapter sends them with GROUP_EVENTS=true.
	Groups bool
	// DeadLetterSink is the Knative Service for what was not taken; empty: dead-letter.
	DeadLetterSink string
	// Mapping is the adapter's; nil is the default rules.
	Mapping *alert.Mapping
}

// Rule is what one alert has to be.
type Rule struct {
	Alerts   []string // its name is one of these; empty: any
	Matchers []Matcher
}

// Draft is a Trigger and what is to be said about it.
type Draft struct {
	Trigger *eventingv1.Trigger
	// Notes are for who asked: labels that have another name as attributes, and what the filter cannot say.
	Notes []string
	// Kept are the matchers that the filter does not say whole: the function has to.
	Kept []Matcher
}

// New drafts a Trigger. Its filter compiles.
func New(o Options) (*Draft, error) {
	if (o.Function == "") == (o.SubscriberURI == "") {
		return nil, errors.New("one of function and subscriber URI is needed")
	}
	if len(o.Rules) == 0 {
		return nil, errors.New("nothing to catch: name an alert, a label or a file of rules")
	}
	d := &Draft{Trigger: new(eventingv1.Trigger)}
	t := d.Trigger
	t.APIVersion, t.Kind = trigger.APIVersion, "Trigger"
	t.Name, t.Namespace, t.Spec.Broker = o.Name, or(o.Namespace, "quench"), or(o.Broker, "default")
	if t.Name == "" {
		t.Name = nameFor(o)
	}
	if o.Function != "" {
		t.Spec.Subscriber.Ref = service(o.Function)
	} else {
		uri, err := apis.ParseURL(o.SubscriberURI)
		if err != nil || uri.Host == "" || uri.Scheme != "http" && uri.Scheme != "https" {
			return nil, fmt.Errorf("subscriber URI %q: want http:// or https:// and a host", o.SubscriberURI)
		}
		t.Spec.Subscriber.URI = uri
	}
	t.Spec.Delivery = delivery(or(o.DeadLetterSink, "dead-letter"))
	filters, err := d.filters(o)
	if err != nil {
		return nil, err
	}
	t.Spec.Filters = filters
	if _, err := trigger.Compile(t); err != nil {
		return nil, err
	}
	return d, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func service(name string) *duckv1.KReference {
	return &duckv1.KReference{APIVersion: "serving.knative.dev/v1", Kind: "Service", Name: name}
}

// note says something once.
func (d *Draft) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(d.Notes, text) {
		d.Notes = append(d.Notes, text)
	}
}
