package cases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// Adapter is the adapter's settings that decide on an event's attributes, by the names of its environment variables in
// camel case. The zero value is its defaults.
type Adapter struct {
	ClusterName         string            `yaml:"clusterName"`
	LabelAttributes     string            `yaml:"labelAttributes"`
	LabelAttributesOnly bool              `yaml:"labelAttributesOnly"`
	GroupEvents         bool              `yaml:"groupEvents"`
	Extensions          map[string]string `yaml:"extensions"` // as K_CE_OVERRIDES adds them
}

// Sample is an event and what people call it.
type Sample struct {
	Name  string
	Event event.Event
}

// Payload makes the events of an Alertmanager webhook's body, as the adapter does: one for each alert and, with GroupEvents,
// one for the whole. They are recorded at the alert's start.
func (a Adapter) Payload(body []byte) ([]Sample, error) {
	p, err := alert.Decode(body)
	if err != nil {
		return nil, err
	}
	mapping, err := alert.NewMapping(a.LabelAttributes, a.LabelAttributesOnly)
	if err != nil {
		return nil, fmt.Errorf("labelAttributes: %w", err)
	}
	cluster := a.ClusterName
	if cluster == "" {
		cluster = "default"
	}
	encoder := &alert.Encoder{Source: alert.Source(cluster), Mapping: mapping}
	var samples []Sample
	for _, one := range p.Alerts {
		e, err := encoder.ToEvent(one, one.StartsAt)
		if err != nil {
			return nil, err
		}
		samples = append(samples, Sample{Name: calledAs(one), Event: e})
	}
	if a.GroupEvents && len(p.Alerts) > 0 {
		e, err := encoder.GroupEvent(p, p.Whole().StartsAt)
		if err != nil {
			return nil, err
		}
		samples = append(samples, Sample{Name: fmt.Sprintf("the group %s", p.Group.GroupKey), Event: e})
	}
	for i := range samples {
		for name, value := range a.Extensions {
			samples[i].Event.SetExtension(name, value)
		}
		if err := samples[i].Event.Validate(); err != nil {
			return nil, fmt.Errorf("extensions: %w", err)
		}
	}
	return samples, nil
}

// calledAs is an alert's name, state, and what it is about.
func calledAs(a *alert.Alert) string {
	name := fmt.Sprintf("%s %s", a.Name(), a.Status)
	for _, label := range []string{"pod", "node", "instance", "namespace"} {
		if value := a.Labels[label]; value != "" {
			return name + " (" + label + " " + value + ")"
		}
	}
	return name
}

// start is when an alert began that does not say it.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Event makes the events of one alert.
func (a Adapter) Event(one Alert) ([]Sample, error) {
	status, began, ended := one.Status, one.StartsAt.Time, one.EndsAt.Time
	if status == "" {
		status = string(alert.Firing)
	}
	if began.IsZero() {
		began = start
	}
	if ended.IsZero() && status == string(alert.Resolved) {
		ended = began.Add(time.Minute)
	}
	body, err := json.Marshal(map[string]any{
		"version": "4", "receiver": one.Receiver, "status": status, "groupKey": "{}:{}", "groupLabels": map[string]string{},
		"commonLabels": one.Labels, "commonAnnotations": one.Annotations,
		"alerts": []map[string]any{{
			"status": status, "labels": one.Labels, "annotations": one.Annotations, "startsAt": began, "endsAt": ended,
		}},
	})
	if err != nil {
		return nil, err
	}
	return a.Payload(body)
}

// Attributes makes an event of nothing but attributes. What every event needs is made up where it is missing: an id and a
// source.
func Attributes(attributes map[string]string) (Sample, error) {
	e := event.New()
	e.SetID("1")
	e.SetSource("/alertmanager/default")
	if attributes["type"] == "" {
		return Sample{}, errors.New("event.type: missing; want a type such as " + alert.TypeFiring)
	}
	for name, value := range attributes {
		switch name {
		case "id":
			e.SetID(value)
		case "source":
			e.SetSource(value)
		case "type":
			e.SetType(value)
		case "subject":
			e.SetSubject(value)
		case "dataschema":
			e.SetDataSchema(value)
		case "datacontenttype":
			e.SetDataContentType(value)
		case "specversion":
			e.SetSpecVersion(value)
		case "time":
			t, err := types.ParseTime(value)
			if err != nil {
				return Sample{}, fmt.Errorf("event.time: got %.40q, want a time like 2026-11-20T22:00:00Z", value)
			}
			e.SetTime(t)
		default:
			e.SetExtension(name, value)
		}
	}
	if err := e.Validate(); err != nil {
		return Sample{}, fmt.Errorf("event: %w", err)
	}
	return Sample{Name: e.Type() + " " + e.ID(), Event: e}, nil
}

// ReadPayload makes the events of a webhook's file; - is standard input.
func (a Adapter) ReadPayload(path string, stdin io.Reader) ([]Sample, error) {
	body, err := read(path, stdin)
	if err != nil {
		return nil, err
	}
	samples, err := a.Payload(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return samples, nil
}

// ReadEvent reads one structured CloudEvent in JSON; - is standard input.
func ReadEvent(path string, stdin io.Reader) (Sample, error) {
	text, err := read(path, stdin)
	if err != nil {
		return Sample{}, err
	}
	var e event.Event
	if err := json.Unmarshal(text, &e); err != nil {
		return Sample{}, fmt.Errorf("%s: not a CloudEvent in JSON: %w", path, err)
	}
	if err := e.Validate(); err != nil {
		return Sample{}, fmt.Errorf("%s: not a CloudEvent: %w", path, err)
	}
	return Sample{Name: e.Type() + " " + e.ID(), Event: e}, nil
}

func read(path string, stdin io.Reader) ([]byte, error) {
	if path == source.Stdin {
		return bounded("standard input", stdin)
	}
	return readBounded(path)
}
