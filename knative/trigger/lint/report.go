package lint

import (
	"encoding/json"
	"fmt"
	"io"
)

// Text writes findings for people: a line as compilers print it, and one with what to write instead.
func Text(w io.Writer, findings []Finding) error {
	for _, f := range findings {
		where := f.File
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if _, err := fmt.Fprintf(w, "%s: %s: %s: %s %s: %s\n    write instead: %s\n", where, f.Severity, f.ID, f.Trigger, f.Field, f.Why, f.Instead); err != nil {
			return err
		}
	}
	return nil
}

// JSON writes findings for machines: a list, empty if there are none.
func JSON(w io.Writer, findings []Finding) error {
	if findings == nil {
		findings = []Finding{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(findings)
}

// Verdict is an error that counts the findings where one of them is an [Error] or, with strict, where there is any.
func Verdict(findings []Finding, strict bool) error {
	errs := 0
	for _, f := range findings {
		if f.Severity == Error {
			errs++
		}
	}
	if errs == 0 && (!strict || len(findings) == 0) {
		return nil
	}
	return fmt.Errorf("%s, %s", count(errs, "error"), count(len(findings)-errs, "warning"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
