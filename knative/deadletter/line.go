package deadletter

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
)

// What Knative adds to an event that it dead-letters: whom it was for, the
// status of the last answer, and its body in base64, cut at 1024 characters.
const (
	errorDest = "knativeerrordest"
	errorCode = "knativeerrorcode"
	errorData = "knativeerrordata"
)

// ours are the attributes that brokers add on the way; the event is logged
// without them, so that it can be sent again as it once came.
var ours = []string{errorDest, errorCode, errorData, "knativebrokerttl", "knativearrivaltime"}

// write counts and logs one event.
func (s *Sink) write(e *event.Event) {
	code := text(e, errorCode)
	s.letters.WithLabelValues(status(code)).Inc()
	line := s.log.Error().
		Str("trace_id", alert.EventTrace(*e).ID()).Str("event_id", e.ID()).Str("correlation_id", text(e, "correlationid")).Str("alertname", text(e, "alertname")).
		Str("type", e.Type()).Str("source", e.Source()).Str("subject", e.Subject()).
		Str("destination", text(e, errorDest)).Str("code", code).Str("reason", reason(text(e, errorData)))
	if n := len(e.Data()); n > s.maxLogged {
		line.Int("data_left_out", n)
	}
	s.whole(line, e).Msg("dead letter")
}

// whole adds the event as JSON, its data byte for byte. Data that would break
// the line, or is no JSON although it says so, is in base64.
func (s *Sink) whole(line *zerolog.Event, e *event.Event) *zerolog.Event {
	c := e.Clone()
	for _, name := range ours {
		c.SetExtension(name, nil)
	}
	if len(c.DataEncoded) > s.maxLogged {
		c.DataEncoded = nil
	}
	if !json.Valid(c.DataEncoded) || bytes.ContainsAny(c.DataEncoded, "\r\n") {
		c.DataBase64 = true
	}
	b, err := c.MarshalJSON() // json.Marshal would escape what is in the data
	if err != nil {
		return line.AnErr("event_error", err)
	}
	return line.RawJSON("event", b)
}

// text is an extension as a string, empty where there is none.
func text(e *event.Event, name string) string {
	switch v := e.Extensions()[name].(type) {
	case nil:
		return ""
	case string:
		return v
	case int32:
		return strconv.Itoa(int(v))
	case interface{ String() string }:
		return v.String()
	default:
		return ""
	}
}

// reason is what the last one to refuse the event said. Brokers that do not
// encode it are taken at their word.
func reason(data string) string {
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil || !utf8.Valid(trimRune(b)) {
		return data
	}
	return strings.TrimSpace(string(trimRune(b)))
}

// trimRune takes off the start of a character that was cut in two.
func trimRune(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if start := b[len(b)-i]; utf8.RuneStart(start) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// status is a code as a metric's label, of which there must not be any number.
func status(code string) string {
	if n, err := strconv.Atoi(code); err == nil && n >= 100 && n <= 599 {
		return strconv.Itoa(n)
	}
	return "unknown"
}
