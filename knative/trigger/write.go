package trigger

import (
	"fmt"
	"io"
	"strings"
)

// marks stand before the parts of an explanation.
var marks = map[Verdict]string{Yes: "✓", No: "✗", Panics: "!"}

// Write prints the explanation as a tree, a line for each part, each line after indent: a mark for what the part says (· where
// the broker does not ask it), what it asks, and the value that it sees. The part that decided against the event is
// pointed at.
func (x *Explanation) Write(w io.Writer, indent string) {
	x.write(w, indent, x.Decides())
}

func (x *Explanation) write(w io.Writer, indent string, decides *Explanation) {
	mark := marks[x.Says]
	if x.Unasked {
		mark = "·"
	}
	parts := x.Parts
	line := indent + mark + " " + x.Asks
	switch {
	case x.kind == asksCESQL && len(parts) == 1:
		// The expression as a whole is its only part.
		line = indent + mark + " cesql: " + x.Asks
		if parts[0].Sees != "" {
			line += "  — " + parts[0].Sees
		}
		if parts[0] == decides {
			decides = x
		}
		parts = parts[0].Parts
	case x.Sees != "":
		line += "  — " + x.Sees
	}
	if x == decides {
		line += "  ← " + decided(x)
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
	for _, part := range parts {
		part.write(w, indent+"  ", decides)
	}
}

func decided(x *Explanation) string {
	switch {
	case x.Says == Panics:
		return "panics, and the delivery fails"
	case x.kind == asksAny || x.kind == logicOr:
		return "none of these says yes"
	case x.kind == asksNot || x.kind == logicNot:
		return "what must not be, is"
	}
	return "the first that says no"
}
