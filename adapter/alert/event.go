package alert

import (
	"fmt"
	"slices"
	"strings"
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

// Encoder makes events of alerts. It may be used from several goroutines.
type Encoder struct {
	Source  string   // of every event, see Source
	Mapping *Mapping // nil follows the default rules
}

// ToEvent makes an alert's event. recorded is when the webhook was taken in: the
// same for a retry, later for a repeat.
func (enc *Encoder) ToEvent(a *Alert, recorded time.Time) (event.Event, error) {
	e := event.New()
	e.SetID(a.ID())
	e.SetType(alertType(a.Status))
	e.SetSource(enc.Source)
	e.SetSubject(AttributeValue(a.Subject()))
	if a.Status == Resolved && !a.EndsAt.IsZero() {
		e.SetTime(a.EndsAt)
	} else {
		e.SetTime(a.StartsAt)
	}
	e.SetDataSchema(DataSchema)
	setJSON(&e, a.Data())
	for name, v := range enc.Mapping.Attributes(a.Labels) {
		e.SetExtension(name, v)
	}
	fingerprint := AttributeValue(a.Fingerprint)
	setOwn(&e, a.Group, recorded, map[string]string{
		AttrPartitionKey: fingerprint, AttrFingerprint: fingerprint, AttrCorrelationID: a.CorrelationID(),
	})
	return e, e.Validate()
}

// GroupEvent makes the event of a whole webhook; its data is the webhook's body.
// Its id is the same for the same group with the same alerts in the same states.
func (enc *Encoder) GroupEvent(p *Payload, recorded time.Time) (event.Event, error) {
	e := event.New()
	e.SetType(TypeGroupResolved)
	if p.Status() == Firing {
		e.SetType(TypeGroupFiring)
	}
	ids := make([]string, 0, len(p.Alerts))
	for _, a := range p.Alerts {
		ids = append(ids, a.ID())
	}
	slices.Sort(ids)
	e.SetID(Hash(append([]string{"group", p.Group.Receiver, p.Group.GroupKey}, ids...)...))
	e.SetSource(enc.Source)
	if subject := AttributeValue(p.Group.GroupKey); subject != "" {
		e.SetSubject(subject)
	}
	e.SetTime(recorded)
	setJSON(&e, p.body)
	for name, v := range enc.Mapping.Attributes(p.Group.CommonLabels) {
		e.SetExtension(name, v)
	}
	key := p.CorrelationID()
	setOwn(&e, p.Group, recorded, map[string]string{AttrPartitionKey: key, AttrCorrelationID: key})
	return e, e.Validate()
}

func alertType(s Status) string {
	if s == Resolved {
		return TypeResolved
	}
	return TypeFiring
}

// setJSON keeps the bytes as they are, in binary and in structured mode; the
// SDK's SetData would make base64 of them.
func setJSON(e *event.Event, data []byte) {
	e.SetDataContentType(event.ApplicationJSON)
	e.DataEncoded, e.DataBase64 = data, false
}

// setOwn sets the attributes that are no label's.
func setOwn(e *event.Event, g *Group, recorded time.Time, attributes map[string]string) {
	e.SetExtension(AttrRecordedTime, types.FormatTime(recorded))
	if g != nil {
		attributes[AttrReceiver] = AttributeValue(g.Receiver)
		attributes[AttrNotificationReason] = AttributeValue(g.NotificationReason)
	}
	for name, v := range attributes {
		if v != "" {
			e.SetExtension(name, v)
		}
	}
}

// IsAlert says by its type whether an event tells of one alert.
func IsAlert(e event.Event) bool { return e.Type() == TypeFiring || e.Type() == TypeResolved }

// FromEvent reads the alert out of an event's data. The type must agree with the
// data; no other attribute is looked at. Errors about the data are *FieldErrors.
func FromEvent(e event.Event) (*Alert, error) {
	if !IsAlert(e) {
		return nil, &FieldError{"type", fmt.Sprintf("got %.80q, want %q or %q", e.Type(), TypeFiring, TypeResolved)}
	}
	a, group, err := decodeAlert(e.Data(), "data")
	if err != nil {
		return nil, err
	}
	if alertType(a.Status) != e.Type() {
		return nil, &FieldError{"data.status", fmt.Sprintf("got %q in an event of type %q", a.Status, e.Type())}
	}
	if a.Group, err = decodeGroup(group, "data.group"); err != nil {
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
