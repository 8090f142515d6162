package jobrunner

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// called is what a rule says of itself, for errors.
func called(raw json.RawMessage) string {
	var is struct{ Name, Alert any }
	if err := json.Unmarshal(raw, &is); err != nil {
		return ""
	}
	var says []string
	if is.Name != nil {
		says = append(says, fmt.Sprintf("name %q", fmt.Sprint(is.Name)))
	}
	if is.Alert != nil {
		says = append(says, fmt.Sprintf("alert %q", fmt.Sprint(is.Alert)))
	}
	if len(says) == 0 {
		return ""
	}
	return " (" + strings.Join(says, ", ") + ")"
}

// plain says what encoding/json found wrong without its Go types.
func plain(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return strings.TrimPrefix(err.Error(), "json: ")
	}
	got := "a " + wrong.Value
	switch wrong.Value {
	case "object":
		got = "a mapping"
	case "bool", trueOrFalse:
		got = trueOrFalse
	}
	said := fmt.Sprintf("got %s, want %s", got, kindOf(wrong.Type))
	if wrong.Field == "" {
		return said
	}
	return strings.TrimPrefix(wrong.Field, "bailer.") + ": " + said
}

// kindOf says in YAML's words what a Go type wants.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	default:
		return "another value"
	}
}
