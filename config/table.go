package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// WriteTable writes the environment variables of spec, a struct of this
// package, as a Markdown table.
func WriteTable(w io.Writer, spec any) {
	fmt.Fprintln(w, "| variable | default | meaning |\n|---|---|---|")
	writeRows(w, reflect.TypeOf(spec))
}

func writeRows(w io.Writer, t reflect.Type) {
	for f := range t.Fields() {
		if f.Anonymous {
			writeRows(w, f.Type)
			continue
		}
		def := f.Tag.Get("default")
		if def != "" {
			def = "`" + def + "`"
		}
		meaning := strings.ReplaceAll(f.Tag.Get("desc"), "|", `\|`)
		if f.Tag.Get("required") == "true" {
			meaning += " Required."
		}
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", f.Tag.Get("envconfig"), def, meaning)
	}
}
