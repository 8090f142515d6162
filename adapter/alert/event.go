package alert

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// The event types.
const (
	TypeFiring        = "io.prometheus.alertmanager.alert.firing"
	TypeResolved      = "io.prometheus.alertmanager.alert.resolved"
	TypeGroupFiring   = "io.prometheus.alertmanager.group.firing"
	TypeGroupResolved = "io.prometheus.alertmanager.group.resolved"
)

// What all events share; nobody changes it.
var (
	dataSchema  = types.ParseURI(DataSchema)
	contentJSON = event.ApplicationJSON

	// What the last event had, nearly all others of its time have, too.
	lastSource   atomic.Pointer[source]
	lastRecorded atomic.Pointer[stamp]
)

type source struct {
	text   string
	parsed types.URIRef
}

func parseSource(text string) (types.URIRef, error) {
	if last := lastSource.Load(); last != nil && last.text == text {
		return last.parsed, nil
	}
	parsed := types.ParseURIRef(text)
	if parsed == nil {
		return types.URIRef{}, fmt.Errorf("source %q: want a URI reference", text)
	}
	lastSource.Store(&source{text, *parsed})
	return *parsed, nil
}

// Encoder makes events of alerts. It may be used from several goroutines.
type Encoder struct {
	Source  string   // of every event, see Source
	Mapping *Mapping // nil follows the default rules
}

// ToEvent makes an alert's event. recorded is when the webhook was taken in: the
// same for a retry, later for a repeat. It is valid: an error is about the source.
func (enc *Encoder) ToEvent(a *Alert, recorded time.Time) (event.Event, error) {
	at := a.StartsAt
	if a.Status == Resolved && !a.EndsAt.IsZero() {
		at = a.EndsAt
	}
	subject, start := AttributeValue(a.Subject()), a.start()
	attributes := enc.attributes(a.Labels, a.Group, recorded)
	if fingerprint := AttributeValue(a.Fingerprint); fingerprint != "" {
		var one any = fingerprint
		attributes[AttrPartitionKey], attributes[AttrFingerprint] = one, one
	}
	attributes[AttrCorrelationID] = a.correlationID(start)
	return enc.event(event.EventContextV1{ID: a.id(start), Type: alertType(a.Status), Subject: &subject, DataSchema: dataSchema, Extensions: attributes}, at, a.Data())
}

// GroupEvent makes the event of a whole webhook; its data is the webhook's body.
// Its id is the same for the same group with the same alerts in the same states.
func (enc *Encoder) GroupEvent(p *Payload, recorded time.Time) (event.Event, error) {
	ids := make([]string, 0, len(p.Alerts))
	for _, a := range p.Alerts {
		ids = append(ids, a.ID())
	}
	slices.Sort(ids)
	attributes, key := enc.attributes(p.Group.CommonLabels, p.Group, recorded), p.CorrelationID()
	attributes[AttrPartitionKey], attributes[AttrCorrelationID] = key, key
	c := event.EventContextV1{
		ID: Hash(append([]string{"group", p.Group.Receiver, p.Group.GroupKey}, ids...)...), Type: TypeGroupResolved, Extensions: attributes,
	}
	if p.Status() == Firing {
		c.Type = TypeGroupFiring
	}
	if subject := AttributeValue(p.Group.GroupKey); subject != "" {
		c.Subject = &subject
	}
	return enc.event(c, recorded, p.body)
}

// event is one with what all have. It keeps the bytes of the JSON as they are, in
// binary and in structured mode; the SDK's SetData would make base64 of them.
// Nothing goes through the SDK's setters, which check each time what is right by
// the making.
func (enc *Encoder) event(c event.EventContextV1, at time.Time, data []byte) (event.Event, error) {
	source, err := parseSource(enc.Source)
	if err != nil {
		return event.Event{}, err
	}
	c.Source, c.Time, c.DataContentType = source, &types.Timestamp{Time: at}, &contentJSON
	if at.IsZero() {
		c.Time = nil
	}
	return event.Event{Context: &c, DataEncoded: data}, nil
}

// attributes are those of the labels and the group.
func (enc *Encoder) attributes(labels map[string]string, g *Group, recorded time.Time) map[string]any {
	all := make(map[string]any, len(labels)+8)
	enc.Mapping.each(labels, func(name, value string) { all[name] = value })
	all[AttrRecordedTime] = recordedTime(recorded)
	if g != nil {
		setOwn(all, AttrReceiver, AttributeValue(g.Receiver))
		setOwn(all, AttrNotificationReason, AttributeValue(g.NotificationReason))
	}
	return all
}

type stamp struct {
	at   time.Time
	text any
}

// recordedTime is the text, in UTC, of a time that all alerts of a webhook have.
func recordedTime(at time.Time) any {
	if last := lastRecorded.Load(); last != nil && last.at.Equal(at) {
		return last.text
	}
	var text any = types.FormatTime(at)
	lastRecorded.Store(&stamp{at, text})
	return text
}

func setOwn(all map[string]any, name, value string) {
	if value != "" {
		all[name] = value
	}
}

func alertType(s Status) string {
	if s == Resolved {
		return TypeResolved
	}
	return TypeFiring
}

// IsAlert says by its type whether an event tells of one alert.
func IsAlert(e event.Event) bool { return e.Type() == TypeFiring || e.Type() == TypeResolved }

// FromEvent reads the alert out of an event's data. The type must agree with the
// data; no other attribute is looked at. Errors about the data are *FieldErrors.
func FromEvent(e event.Event) (*Alert, error) {
	if !IsAlert(e) {
		return nil, &FieldError{"type", fmt.Sprintf("got %.80q, want %q or %q", e.Type(), TypeFiring, TypeResolved)}
	}
	r := newReader()
	a, group, err := r.alert(e.Data(), "data")
	if err != nil {
		return nil, err
	}
	if alertType(a.Status) != e.Type() {
		return nil, &FieldError{"data.status", fmt.Sprintf("got %q in an event of type %q", a.Status, e.Type())}
	}
	if a.Group, err = r.group(group, "data.group"); err != nil {
		return nil, err
	}
	a.data = e.Data()
	return a, nil
}

// RecordedTime is when the adapter took the alert in.
func RecordedTime(e event.Event) (time.Time, error) {
	v, ok := e.Extensions()[AttrRecordedTime]
	if !ok {
		return time.Time{}, &FieldError{AttrRecordedTime, "missing; want a time like 2026-11-20T22:00:00Z"}
	}
	t, err := types.ToTime(v)
	if err != nil {
		return time.Time{}, &FieldError{AttrRecordedTime, fmt.Sprintf("got %.40q, want a time like 2026-11-20T22:00:00Z", strings.TrimSpace(fmt.Sprint(v)))}
	}
	return t, nil
}
