package enriched

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
)

// Type is the event's type, and Source its source.
const (
	Type   = "dev.quench.alert.enriched"
	Source = "/quench/enricher"
)

// Enriched is the event, read.
type Enriched struct {
	Data
	Alert *alert.Alert
}

// carried are the attributes that go on from the alert's event.
var carried = []string{
	alert.AttrPartitionKey, alert.AttrFingerprint, alert.AttrCorrelationID,
	alert.AttrReceiver, alert.AttrNotificationReason, alert.AttrRecordedTime,
}

// ToEvent makes the event of an alert's, cause, and of what was found, at this
// time. Its id is the same whenever the same alert event is told; as the alert
// event's, it is also that of a repeat, which has a later recordedtime.
func ToEvent(cause event.Event, a *alert.Alert, found Data, at time.Time) (event.Event, error) {
	e := event.New()
	e.SetID(alert.Hash(cause.ID(), Type))
	e.SetSource(Source)
	e.SetType(Type)
	e.SetSubject(alert.AttributeValue(a.Subject()))
	e.SetTime(at)
	for name, v := range (*alert.Mapping)(nil).Attributes(a.Labels) {
		e.SetExtension(name, v)
	}
	for _, name := range carried {
		if v, ok := cause.Extensions()[name]; ok {
			e.SetExtension(name, v)
		}
	}
	alert.EventTrace(cause).SetEvent(&e)
	e.SetExtension(alert.AttrCausationID, cause.ID())
	e.SetExtension(alert.AttrCorrelationID, a.CorrelationID())

	found.EventID = cause.ID()
	data, err := json.Marshal(found)
	if err != nil {
		return e, fmt.Errorf("encode enriched alert: %w", err)
	}
	data = append(data[:len(data)-1], `,"alert":`...)
	data = append(data, a.Data()...)
	e.SetDataContentType(event.ApplicationJSON)
	e.DataEncoded = append(data, '}')
	return e, e.Validate()
}

// Decode reads the event. What its data has beside what is known here is left out.
func Decode(e event.Event) (*Enriched, error) {
	if e.Type() != Type {
		return nil, &alert.FieldError{Field: "type", Problem: fmt.Sprintf("got %.80q, want %q", e.Type(), Type)}
	}
	var in struct {
		Data
		Alert json.RawMessage `json:"alert"`
	}
	if err := json.Unmarshal(e.Data(), &in); err != nil {
		return nil, &alert.FieldError{Field: "data", Problem: err.Error()}
	}
	var of struct {
		Status alert.Status `json:"status"`
	}
	if in.Alert == nil {
		return nil, &alert.FieldError{Field: "data.alert", Problem: "missing; want the alert event's data"}
	}
	if err := json.Unmarshal(in.Alert, &of); err != nil {
		return nil, &alert.FieldError{Field: "data.alert", Problem: err.Error()}
	}
	about := event.New()
	about.SetType(alert.TypeFiring)
	if of.Status == alert.Resolved {
		about.SetType(alert.TypeResolved)
	}
	about.DataEncoded = in.Alert
	a, err := alert.FromEvent(about)
	if err != nil {
		return nil, fmt.Errorf("data.alert: %w", err)
	}
	return &Enriched{Data: in.Data, Alert: a}, nil
}
