package alert

import (
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// IsGroup says by its type whether an event tells of a whole webhook.
func IsGroup(e event.Event) bool { return e.Type() == TypeGroupFiring || e.Type() == TypeGroupResolved }

// FromGroupEvent reads the webhook out of a group event's data. The type must
// agree with the data; no other attribute is looked at. Errors are *FieldErrors.
func FromGroupEvent(e event.Event) (*Payload, error) {
	if !IsGroup(e) {
		return nil, &FieldError{"type", fmt.Sprintf("got %.80q, want %q or %q", e.Type(), TypeGroupFiring, TypeGroupResolved)}
	}
	p, err := Decode(e.Data())
	if err != nil {
		return nil, err
	}
	if p.Status() == Firing != (e.Type() == TypeGroupFiring) {
		return nil, &FieldError{"data.alerts", fmt.Sprintf("they are %s in an event of type %q", p.Status(), e.Type())}
	}
	return p, nil
}

// Status is firing while any alert of the webhook fires.
func (p *Payload) Status() Status {
	for _, a := range p.Alerts {
		if a.Status == Firing {
			return Firing
		}
	}
	return Resolved
}

// CorrelationID names the group, whatever alerts it has: 32 hex digits over the
// receiver and the group's key.
func (p *Payload) CorrelationID() string { return Hash("group", p.Group.Receiver, p.Group.GroupKey) }

// Whole is the group as one alert: the labels and annotations that all of its
// alerts have in common, from the first start to the last end. Its fingerprint is
// the group's CorrelationID, its data the webhook's body.
func (p *Payload) Whole() *Alert {
	whole := &Alert{
		Status: p.Status(), Labels: p.Group.CommonLabels, Annotations: p.Group.CommonAnnotations,
		Fingerprint: p.CorrelationID(), Group: p.Group, data: p.body,
	}
	for i, a := range p.Alerts {
		if i == 0 || a.StartsAt.Before(whole.StartsAt) {
			whole.StartsAt = a.StartsAt
		}
		if a.EndsAt.After(whole.EndsAt) {
			whole.EndsAt = a.EndsAt
		}
	}
	if whole.Status == Firing {
		whole.EndsAt = time.Time{}
	}
	return whole
}
