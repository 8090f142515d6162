package alert

import (
	"bytes"
	"errors"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// reader decodes one webhook or one alert. A thousand alerts of a webhook have
// nearly all names and most values in common, and it keeps each once; and it cuts
// what stays JSON out of its input instead of copying it.
type reader struct {
	options json.Options
	input   []byte
	seen    map[string]string
}

// What is kept of strings that may come again: so many, of so many bytes at most.
const (
	maxSeen     = 4096
	maxSeenSize = 256
)

func newReader() *reader {
	r := &reader{seen: map[string]string{}}
	r.options = json.JoinOptions(
		jsontext.AllowInvalidUTF8(true),
		json.WithUnmarshalers(json.JoinUnmarshalers(json.UnmarshalFromFunc(r.strings), json.UnmarshalFromFunc(r.value))),
	)
	return r
}

// value cuts a value out of the input.
func (r *reader) value(d *jsontext.Decoder, into *jsontext.Value) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	end := d.InputOffset()
	*into = r.input[end-int64(len(v)) : end : end]
	return nil
}

// strings reads labels or annotations. What is no object is json's own to refuse.
func (r *reader) strings(d *jsontext.Decoder, into *map[string]string) error {
	if d.PeekKind() != '{' {
		return errors.ErrUnsupported
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	m := make(map[string]string, 8)
	for d.PeekKind() != '}' {
		name, err := r.text(d)
		if err != nil {
			return err
		}
		if m[name], err = r.text(d); err != nil {
			return err
		}
	}
	*into = m
	_, err := d.ReadToken()
	return err
}

// text reads a string; null is an empty one, as json has it.
func (r *reader) text(d *jsontext.Decoder) (string, error) {
	switch kind := d.PeekKind(); kind {
	case '"', 'n', 0: // 0 is a mistake that reading tells
	default:
		return "", &json.SemanticError{JSONKind: kind, JSONPointer: d.StackPointer(), GoType: reflect.TypeFor[string]()}
	}
	v, err := d.ReadValue()
	switch {
	case err != nil:
		return "", err
	case v[0] != '"':
		return "", nil
	case bytes.IndexByte(v, '\\') >= 0:
		var s string
		err := json.Unmarshal(v, &s, jsontext.AllowInvalidUTF8(true))
		return s, err
	}
	v = v[1 : len(v)-1]
	if s, ok := r.seen[string(v)]; ok {
		return s, nil
	}
	s := string(v)
	if len(v) <= maxSeenSize && len(r.seen) < maxSeen {
		r.seen[s] = s
	}
	return s, nil
}
