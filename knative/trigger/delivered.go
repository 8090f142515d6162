package trigger

import (
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// AsDelivered returns the event as a subscriber behind a Knative broker gets it. Between ingress and subscriber it
// travels as HTTP headers, twice: every extension becomes a string (an integer 3 is "3", and only then equal to a
// filter's "3"), blanks around a value go, and time is in UTC. The event that is given is not changed, and is returned
// itself if nothing needs to. An attribute with a line break or another control character is left as it is, although
// production cannot deliver such an event at all: net/http refuses the request.
func AsDelivered(e event.Event) event.Event {
	if e.Context == nil {
		return e
	}
	changed := false
	clone := func() {
		if !changed {
			// A deep copy of the attributes; the data is shared, and nobody here writes to it.
			e.Context, changed = e.Context.Clone(), true
		}
	}
	var extensions map[string]any
	if v1, ok := e.Context.(*event.EventContextV1); ok {
		extensions = v1.Extensions // not e.Extensions(), which copies them
	} else {
		extensions = e.Extensions()
	}
	for name, value := range extensions {
		if text, ok := value.(string); ok && text == asHeader(text) {
			continue // nearly all of them
		}
		text, err := types.Format(value)
		if err != nil {
			continue // cannot be: an event takes nothing but CloudEvents' own types
		}
		if text = asHeader(text); value != any(text) {
			clone()
			e.SetExtension(name, text)
		}
	}
	if subject := asHeader(e.Subject()); subject != e.Subject() {
		clone()
		e.SetSubject(subject)
	}
	if t := e.Time(); t.Location() != time.UTC {
		clone()
		e.SetTime(t.UTC())
	}
	return e
}

// asHeader does to a value what net/http does when it writes it as a header.
func asHeader(value string) string { return strings.Trim(value, " \t") }
