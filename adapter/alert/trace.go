package alert

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	"go.opentelemetry.io/otel/trace"
)

// The attributes of CloudEvents' extension for distributed tracing, and the HTTP
// headers of W3C's Trace Context, which have the same names.
const (
	AttrTraceParent = "traceparent"
	AttrTraceState  = "tracestate"
)

// Trace is the W3C trace context that an event belongs to. The zero value is none.
// It is nothing that decisions are made from: whoever may post sets it, and it is
// not signed.
type Trace struct{ parent, state string }

// StartTrace begins a trace that nobody has asked to have sampled.
func StartTrace() Trace {
	var id trace.TraceID
	var span trace.SpanID
	_, _ = rand.Read(id[:]) // it never fails
	_, _ = rand.Read(span[:])
	return traceOf(id, span, 0)
}

// HeaderTrace is what came in with a request, none where it is not well formed; a
// tracestate that is not is left out.
func HeaderTrace(h http.Header) Trace {
	return ParseTrace(strings.Join(h.Values(AttrTraceParent), ","), strings.Join(h.Values(AttrTraceState), ","))
}

// EventTrace is what an event carries, none where it is not well formed.
func EventTrace(e event.Event) Trace {
	var v1 *event.EventContextV1
	switch c := e.Context.(type) {
	case nil:
		return Trace{}
	case *event.EventContextV1:
		v1 = c
	default:
		v1 = c.AsV1()
	}
	parent, _ := v1.Extensions[AttrTraceParent].(string)
	state, _ := v1.Extensions[AttrTraceState].(string)
	return ParseTrace(parent, state)
}

// ParseTrace reads a traceparent and a tracestate, which may be empty: none where the
// first is not well formed. Of a later version what is known of it is taken.
func ParseTrace(parent, state string) Trace {
	// version, trace, span, flags, and what a later version may have beyond
	if len(parent) < 55 || parent[2] != '-' || parent[35] != '-' || parent[52] != '-' {
		return Trace{}
	}
	version, rest := parent[:2], parent[55:]
	if !lowerHex(version) || version == "ff" || rest != "" && (version == "00" || rest[0] != '-') {
		return Trace{}
	}
	if !lowerHex(parent[53:55]) {
		return Trace{}
	}
	id, idErr := trace.TraceIDFromHex(parent[3:35])
	span, spanErr := trace.SpanIDFromHex(parent[36:52])
	if idErr != nil || spanErr != nil {
		return Trace{} // not hexadecimal, or all zeros
	}
	flags, _ := strconv.ParseUint(parent[53:55], 16, 8) // two digits
	t := traceOf(id, span, trace.TraceFlags(flags)&trace.FlagsSampled)
	if state == "" {
		return t
	}
	if read, err := trace.ParseTraceState(state); err == nil {
		t.state = read.String()
	}
	if AttributeValue(t.state) != t.state { // longer than events carry; what would be cut could be no tracestate
		t.state = ""
	}
	return t
}

func lowerHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

func traceOf(id trace.TraceID, span trace.SpanID, flags trace.TraceFlags) Trace {
	return Trace{parent: "00-" + id.String() + "-" + span.String() + "-" + flags.String()}
}

// Valid says whether there is one.
func (t Trace) Valid() bool { return t.parent != "" }

// Parent is the traceparent; empty for none.
func (t Trace) Parent() string { return t.parent }

// State is the tracestate; empty for none.
func (t Trace) State() string { return t.state }

// ID is the trace's id, 32 hex digits; empty for none. It is what logs call trace_id.
func (t Trace) ID() string {
	if !t.Valid() {
		return ""
	}
	return t.parent[3:35] // "00-" and the id
}

// SetEvent has an event carry it; for none it changes nothing.
func (t Trace) SetEvent(e *event.Event) {
	if t.Valid() {
		e.SetExtension(AttrTraceParent, t.parent)
	}
	if t.state != "" {
		e.SetExtension(AttrTraceState, t.state)
	}
}

// SetHeader has a request carry it, for what looks at the transport only; for none
// it changes nothing.
func (t Trace) SetHeader(h http.Header) {
	if t.Valid() {
		h.Set(AttrTraceParent, t.parent)
	}
	if t.state != "" {
		h.Set(AttrTraceState, t.state)
	}
}
