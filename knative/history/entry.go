package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Entry is one event and how it fared. Its identity is the event's source and id.
type Entry struct {
	// Seq counts entries in the order in which they became visible: what comes
	// later has a higher one, so that it is a cursor.
	Seq int64 `json:"seq"`
	// Received is when the event first came; it never falls as Seq rises.
	Received time.Time `json:"received"`
	// Arrivals is how often a Trigger delivered the event. It is 0 for one that
	// came as a dead letter only.
	Arrivals int `json:"arrivals"`
	// DeadLetter is nil for an event that was never dead-lettered.
	DeadLetter *DeadLetter `json:"deadLetter,omitempty"`
	// Event is as it came first, its data byte for byte, without what brokers add.
	Event event.Event `json:"event"`
}

// DeadLetter tells that some subscriber did not take an event.
type DeadLetter struct {
	At          time.Time `json:"at"` // of the last one
	Destination string    `json:"destination,omitempty"`
	Code        string    `json:"code,omitempty"` // the last try's HTTP status, as the broker says it
	Reason      string    `json:"reason,omitempty"`
	Count       int       `json:"count"` // how often it was dead-lettered
	// Redelivered is the replayedtime of the last replay since then that was not
	// dead-lettered itself; nil: it waits.
	Redelivered *time.Time `json:"redelivered,omitempty"`
}

// Pending says whether the entry is a dead letter that no replay has delivered.
func (e *Entry) Pending() bool { return e.DeadLetter != nil && e.DeadLetter.Redelivered == nil }

// Page is a part of a list. Next is the cursor of what follows, to be given as
// Query.After; it is empty at the end. A page may be short, or empty, and have a
// Next: then so much had to be looked at.
type Page struct {
	Events []Entry `json:"events"`
	Next   string  `json:"next,omitempty"`
}

// MarshalJSON keeps the event's data byte for byte, whoever encodes the entry:
// data that an encoder of JSON would change stands in base64.
func (e Entry) MarshalJSON() ([]byte, error) {
	type plain Entry // without this method
	out := plain(e)
	if out.Event.Context != nil {
		out.Event.Context = out.Event.Context.AsV1() // 0.3 says otherwise what is in base64
		out.Event.DataBase64 = fragile(&out.Event)
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode event %d: %w", e.Seq, err)
	}
	return b, nil
}

// fragile says whether the data would not come through encoders of JSON as it is.
func fragile(e *event.Event) bool {
	data := e.Data()
	if !isJSON(e.DataMediaType()) {
		return !utf8.Valid(data)
	}
	var compact, escaped bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return true
	}
	json.HTMLEscape(&escaped, compact.Bytes())
	return !bytes.Equal(escaped.Bytes(), data) || !utf8.Valid(data)
}

// isJSON says it as the CloudEvents SDK does: nothing said is JSON, too.
func isJSON(mediaType string) bool {
	switch mediaType {
	case "", event.ApplicationJSON, event.TextJSON, event.ApplicationCloudEventsJSON, event.ApplicationCloudEventsBatchJSON:
		return true
	}
	return false
}
