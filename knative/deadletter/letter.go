package deadletter

import (
	"fmt"
	"net/http"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Letter is what a broker tells of an event that it dead-letters.
type Letter struct {
	Destination string // whom it was for, a URL
	Code        string // the status of the last answer
	Reason      string // what that answer said, as far as the broker carries it on
}

// ReadLetter is what the broker has added to e.
func ReadLetter(e *event.Event) Letter {
	return Letter{Destination: text(e, errorDest), Code: text(e, errorCode), Reason: reason(text(e, errorData))}
}

// StatusOf is a letter's code as a metric's label: 100 to 599, or unknown.
func StatusOf(code string) string { return status(code) }

// Strip takes off what brokers add on the way, so that the event is as it once
// came.
func Strip(e *event.Event) {
	for _, name := range ours {
		e.SetExtension(name, nil)
	}
}

// Parse reads an event, in binary or structured mode, whose body was read already.
// The error says what is wrong with it.
func Parse(r *http.Request, body []byte) (*event.Event, error) {
	e, err := parse(r, body)
	if err != nil {
		return nil, fmt.Errorf("want a CloudEvent in binary or structured mode: %w", err)
	}
	return e, nil
}
