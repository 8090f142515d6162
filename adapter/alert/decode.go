package alert

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/common/model"
)

// Payload is one webhook.
type Payload struct {
	Alerts []*Alert
	Group  *Group

	body []byte
}

// FieldError says which field of a webhook or of an event's data is wrong, and
// what would be right.
type FieldError struct {
	Field   string // such as alerts[3].labels.pod; empty for the whole
	Problem string
}

func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return e.Field + ": " + e.Problem
}

// Decode reads one webhook of Alertmanager. Fields that it does not know are
// kept in the events' data. Bytes that are not UTF-8 become U+FFFD, as in
// Alertmanager's own JSON. Every error is a *FieldError.
func Decode(body []byte) (*Payload, error) {
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	var w struct {
		Alerts []jsontext.Value `json:"alerts"`
		Group  jsontext.Value   `json:",embed"`
	}
	r := newReader()
	if err := r.unmarshal(body, &w, ""); err != nil {
		return nil, err
	}
	if w.Alerts == nil {
		return nil, &FieldError{"alerts", "missing; want the list of alerts of an Alertmanager webhook"}
	}
	group, err := r.group(w.Group, "")
	if err != nil {
		return nil, err
	}
	p := &Payload{Group: group, Alerts: make([]*Alert, len(w.Alerts)), body: body}
	for i, raw := range w.Alerts {
		prefix := fmt.Sprintf("alerts[%d]", i)
		a, grouped, err := r.alert(raw, prefix)
		if err != nil {
			return nil, err
		}
		if grouped != nil {
			return nil, &FieldError{prefix + ".group", "not a field of an alert; this name is taken for the group's fields in the event"}
		}
		a.raw, a.Group = raw, group
		p.Alerts[i] = a
	}
	return p, nil
}

func (r *reader) group(raw jsontext.Value, prefix string) (*Group, error) {
	if len(raw) == 0 {
		raw = jsontext.Value("{}")
	}
	g := &Group{raw: raw}
	if err := r.unmarshal(raw, g, prefix); err != nil {
		return nil, err
	}
	return g, nil
}

// alert reads an alert's object, and returns its "group" member apart.
func (r *reader) alert(raw []byte, prefix string) (*Alert, jsontext.Value, error) {
	var w wire
	if err := r.unmarshal(raw, &w, prefix); err != nil {
		return nil, nil, err
	}
	at := func(field string) string { return join(prefix, field) }
	switch {
	case w.Status == nil:
		return nil, nil, &FieldError{at("status"), `missing; want "firing" or "resolved"`}
	case *w.Status != Firing && *w.Status != Resolved:
		return nil, nil, &FieldError{at("status"), fmt.Sprintf(`got %.40q, want "firing" or "resolved"`, *w.Status)}
	case len(w.Labels) == 0:
		return nil, nil, &FieldError{at("labels"), "missing; want an object of label names and values"}
	case w.StartsAt == nil:
		return nil, nil, &FieldError{at("startsAt"), "missing; want a time like 2026-11-20T22:00:00Z"}
	case !inRange(*w.StartsAt):
		return nil, nil, &FieldError{at("startsAt"), "want a time in the years 1 to 9999"}
	case !inRange(w.EndsAt):
		return nil, nil, &FieldError{at("endsAt"), "want a time in the years 1 to 9999"}
	}
	if w.Fingerprint == "" {
		w.Fingerprint = labelFingerprint(w.Labels)
	}
	return &Alert{
		Status: *w.Status, Labels: w.Labels, Annotations: w.Annotations, StartsAt: *w.StartsAt,
		EndsAt: w.EndsAt, GeneratorURL: w.GeneratorURL, Fingerprint: w.Fingerprint,
	}, w.Group, nil
}

// inRange: RFC 3339 has four digits for the year, in UTC too.
func inRange(t time.Time) bool { y := t.UTC().Year(); return y >= 1 && y <= 9999 }

// labelFingerprint is Alertmanager's own: prometheus/common/model.
func labelFingerprint(labels map[string]string) string {
	set := make(model.LabelSet, len(labels))
	for k, v := range labels {
		set[model.LabelName(k)] = model.LabelValue(v)
	}
	return set.Fingerprint().String()
}

// unmarshal tells a mistake by the field's name and what would be right. Lone
// surrogates (\ud800) are let through as U+FFFD, as encoding/json has it.
func (r *reader) unmarshal(b []byte, into any, prefix string) error {
	r.input = b
	err := json.Unmarshal(b, into, r.options)
	if err == nil {
		return nil
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return &FieldError{fieldPath(prefix, syntactic.JSONPointer), fmt.Sprintf("not JSON: %v at byte %d", syntactic.Err, syntactic.ByteOffset)}
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return &FieldError{fieldPath(prefix, semantic.JSONPointer), fmt.Sprintf("got %s, want %s", got(semantic), want(semantic.GoType))}
	}
	return &FieldError{prefix, "not JSON: " + err.Error()}
}

func got(e *json.SemanticError) string {
	var badTime *time.ParseError
	if errors.As(e.Err, &badTime) {
		return fmt.Sprintf("%.60q", strings.Trim(badTime.Value, `"`))
	}
	switch e.JSONKind {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 'n':
		return "null"
	}
	return "something else"
}

func want(t reflect.Type) string {
	switch {
	case t == nil:
		return "another value"
	case t == reflect.TypeFor[time.Time]():
		return "a time like 2026-11-20T22:00:00Z"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Map:
		return "an object of names and strings"
	case reflect.Slice:
		return "an array"
	case reflect.Uint64:
		return "a whole number of at least 0"
	default:
		return "a JSON object"
	}
}

// fieldPath turns a JSON pointer below prefix into the way people write a path.
func fieldPath(prefix string, p jsontext.Pointer) string {
	for token := range p.Tokens() {
		switch _, err := strconv.ParseUint(token, 10, 32); {
		case err == nil && prefix == "alerts":
			prefix += "[" + token + "]"
		case strings.ContainsAny(token, ". []\""):
			prefix += fmt.Sprintf("[%.80q]", token)
		default:
			prefix = join(prefix, fmt.Sprintf("%.80s", token))
		}
	}
	return prefix
}

func join(prefix, field string) string {
	if prefix == "" {
		return field
	}
	return prefix + "." + field
}
