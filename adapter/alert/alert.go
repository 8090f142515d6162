package alert

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/common/model"
)

// Status says whether an alert fires.
type Status string

// The two states that Alertmanager tells of.
const (
	Firing   Status = "firing"
	Resolved Status = "resolved"
)

// Alert is one alert of a webhook. The fields are those of Alertmanager's
// webhook, version 4 (prometheus/alertmanager template.Alert).
type Alert struct {
	Status       Status
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time
	EndsAt       time.Time // the zero time while the alert fires
	GeneratorURL string
	// Fingerprint is Alertmanager's; where the payload has none (before
	// Alertmanager 0.16) it is computed as Prometheus computes it from labels.
	Fingerprint string
	// Group is shared by all alerts of one webhook; never nil after decoding.
	Group *Group

	raw  jsontext.Value // the alert's own object, as sent
	data []byte         // the event's data, where the alert came from an event
}

// Group is what Alertmanager says of all alerts of one webhook together.
type Group struct {
	Receiver           string            `json:"receiver"`
	Status             Status            `json:"status,omitzero"`
	GroupKey           string            `json:"groupKey"`
	GroupLabels        map[string]string `json:"groupLabels"`
	CommonLabels       map[string]string `json:"commonLabels"`
	CommonAnnotations  map[string]string `json:"commonAnnotations"`
	ExternalURL        string            `json:"externalURL"`
	Version            string            `json:"version"`
	TruncatedAlerts    uint64            `json:"truncatedAlerts"`
	NotificationReason string            `json:"notification_reason,omitzero"` // Alertmanager 0.32 and later

	raw jsontext.Value // every member of the webhook but its alerts, as sent
}

// wire is the JSON form of an alert; pointers tell what is missing.
type wire struct {
	Status       *Status           `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     *time.Time        `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
	Group        jsontext.Value    `json:"group,omitzero"`
}

// Name is the alertname label, empty where there is none.
func (a *Alert) Name() string { return a.Labels[model.AlertNameLabel] }

// Data is the alert's event data: its own JSON object as Alertmanager sent it,
// byte for byte, with the member "group" added.
func (a *Alert) Data() []byte {
	if a.data != nil {
		return a.data
	}
	own := bytes.TrimSpace(a.own())
	group := a.Group.encoded()
	data := make([]byte, 0, len(own)+len(group)+len(`,"group":`))
	data = append(data, own[:len(own)-1]...) // an alert has labels, so its object is never empty
	data = append(data, `,"group":`...)
	data = append(data, group...)
	return append(data, '}')
}

func (a *Alert) own() jsontext.Value {
	if a.raw != nil {
		return a.raw
	}
	return mustMarshal(wire{
		Status: &a.Status, Labels: a.Labels, Annotations: a.Annotations, StartsAt: &a.StartsAt,
		EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL, Fingerprint: a.Fingerprint,
	})
}

func (g *Group) encoded() jsontext.Value {
	switch {
	case g == nil:
		return mustMarshal(Group{})
	case g.raw != nil:
		return g.raw
	}
	return mustMarshal(*g)
}

// mustMarshal encodes one of our own types, which hold nothing that JSON cannot.
func mustMarshal(v any) jsontext.Value {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("alert: encode " + err.Error())
	}
	return b
}
