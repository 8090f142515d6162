package function

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
)

// OutcomeData is an outcome event's data, but for its last member: "alert", the
// alert event's own data, byte for byte.
type OutcomeData struct {
	Function string  `json:"function"`
	EventID  string  `json:"eventId"`
	Outcome  Outcome `json:"outcome"`
	Reason   string  `json:"reason"`
	Message  string  `json:"message"`
	Target   string  `json:"target,omitempty"`
	DryRun   bool    `json:"dryRun,omitempty"`
	SignedBy string  `json:"signedBy,omitempty"` // the operator who sent the event
	Actions  []Acted `json:"actions"`
}

// outcomeEvent tells what became of an event. It has the same id whenever it
// tells the same; req is nil where the event could not be read.
func (f *Function) outcomeEvent(cause event.Event, req *Request, all []Acted) (*event.Event, error) {
	first := deciding(all)
	e := event.New()
	id := []string{cause.ID(), f.name(), string(first.Outcome)}
	if first.salt != "" {
		id = append(id, first.salt)
	}
	e.SetID(alert.Hash(id...))
	e.SetSource("/quench/" + f.name())
	e.SetType(first.Outcome.Type())
	if subject := alert.AttributeValue(first.Target); subject != "" {
		e.SetSubject(subject)
	}
	e.SetTime(f.told(first))
	if req != nil {
		for name, v := range f.o.Mapping.Attributes(req.Alert.Labels) {
			e.SetExtension(name, v)
		}
	}
	f.setOwn(&e, cause, req)

	told := OutcomeData{
		Function: f.name(), EventID: cause.ID(), Outcome: first.Outcome, Reason: first.Reason, Message: first.Message,
		Target: first.Target, DryRun: f.o.DryRun, Actions: all,
	}
	if req != nil {
		told.SignedBy = req.SignedBy
	}
	data, err := json.Marshal(told)
	if err != nil {
		return nil, fmt.Errorf("encode outcome: %w", err)
	}
	if req != nil {
		data = append(data[:len(data)-1], `,"alert":`...)
		data = append(data, req.Alert.Data()...)
		data = append(data, '}')
	}
	e.SetDataContentType(event.ApplicationJSON)
	e.DataEncoded = data
	return &e, e.Validate()
}

// setOwn sets the attributes that are no label's; they come last, so that they win.
func (f *Function) setOwn(e *event.Event, cause event.Event, req *Request) {
	own := map[string]string{alert.AttrCausationID: cause.ID(), alert.AttrAction: f.name()}
	for _, carried := range []string{alert.AttrCorrelationID, alert.AttrPartitionKey} {
		if v, ok := cause.Extensions()[carried].(string); ok {
			own[carried] = v
		}
	}
	if req != nil {
		own[alert.AttrCorrelationID] = req.CorrelationID
		own[alert.AttrPartitionKey] = alert.AttributeValue(req.Alert.Fingerprint)
		own[alert.AttrFingerprint] = alert.AttributeValue(req.Alert.Fingerprint)
	}
	for name, v := range own {
		if v != "" {
			e.SetExtension(name, v)
		}
	}
	alert.EventTrace(cause).SetEvent(e)
}

// told is when it ended, where that is known.
func (f *Function) told(a Acted) time.Time {
	if a.FinishedAt != nil {
		return *a.FinishedAt
	}
	return f.o.Now().UTC()
}

// Started is the outcome event that answers for a function that is still at work
// on e.
func (f *Function) Started(e event.Event) event.Event {
	req, err := f.request(e)
	if err != nil {
		req = nil
	}
	a := unrecorded(req, Plan{}, Started, "StillRunning", f.name()+" is at work, and will tell how it ended")
	out, err := f.outcomeEvent(e, req, []Acted{a})
	if err != nil { // an invalid event is refused by whom it is handed to, who says so
		return event.New()
	}
	return *out
}
