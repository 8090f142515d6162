package policy

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Field is one field of a policy.
type Field struct {
	Path    string // such as functions.NAME.coolDown
	Meaning string
	Want    string
	Default string
}

// Fields are all fields, in the order of the file.
func Fields() []Field { return fieldsOf(reflect.TypeFor[file](), "") }

func fieldsOf(t reflect.Type, prefix string) []Field {
	var all []Field
	for f := range t.Fields() {
		name := prefix + f.Tag.Get("json")
		field := Field{Path: name, Meaning: f.Tag.Get("doc"), Want: f.Tag.Get("want"), Default: f.Tag.Get("default")}
		below := f.Type
		switch below.Kind() {
		case reflect.Map:
			field.Want = "a mapping by function, of the fields of defaults"
			all = append(all, field)
			continue // the same as defaults
		case reflect.Pointer:
			below = below.Elem()
		case reflect.Slice:
			if below.Elem().Kind() == reflect.Struct {
				name += "[]"
			}
			below = below.Elem()
		}
		if below.Kind() == reflect.Struct {
			if field.Want == "" {
				field.Want = map[bool]string{true: "a list", false: "a mapping"}[strings.HasSuffix(name, "[]")]
			}
			all = append(append(all, field), fieldsOf(below, name+".")...)
			continue
		}
		all = append(all, field)
	}
	return all
}

// Explain prints the fields whose path begins with a prefix; an error names what
// there is where none does.
func Explain(w io.Writer, prefix string) error {
	found := false
	for _, f := range Fields() {
		if prefix != "" && f.Path != prefix && !strings.HasPrefix(f.Path, prefix+".") && !strings.HasPrefix(f.Path, prefix+"[]") {
			continue
		}
		found = true
		fmt.Fprintf(w, "%s  <%s>", f.Path, f.Want)
		if f.Default != "" {
			fmt.Fprintf(w, "  default %s", f.Default)
		}
		fmt.Fprintf(w, "\n    %s\n", f.Meaning)
	}
	if !found {
		return fmt.Errorf("there is no field %q; quench policy explain lists them", prefix)
	}
	return nil
}

// WriteTable prints the fields as a Markdown table.
func WriteTable(w io.Writer) {
	fmt.Fprintln(w, "| field | want | default | meaning |\n|---|---|---|---|")
	for _, f := range Fields() {
		byDefault := f.Default
		if byDefault != "" {
			byDefault = "`" + byDefault + "`"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", f.Path, f.Want, byDefault, strings.ReplaceAll(f.Meaning, "|", `\|`))
	}
}

// wantOf is what a field wants, for an error; field is as encoding/json names it.
func wantOf(field string) string {
	last := field[strings.LastIndex(field, ".")+1:]
	for _, f := range Fields() {
		if f.Path[strings.LastIndex(f.Path, ".")+1:] == last && f.Want != "" {
			return f.Want
		}
	}
	return "another value"
}
