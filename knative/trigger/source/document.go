package source

import (
	"bytes"
	"strings"
)

// document is one YAML document of a file.
type document struct {
	// text is the document with an empty line for each line of the file before it, so that the YAML parser's own
	// errors name lines of the file.
	text []byte
	// line is that of the first thing in the document that is not blank or a comment, from 1.
	line int
}

// split cuts a file into its documents, leaving out those that hold nothing but blanks and comments. A line that starts
// with --- is a separator wherever it stands: within a block scalar YAML requires it to be indented.
func split(text []byte) []document {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var docs []document
	var current []byte
	line, first := 0, 0
	flush := func() {
		if first > 0 {
			docs = append(docs, document{text: current, line: first})
		}
		current, first = bytes.Repeat([]byte("\n"), line), 0
	}
	for _, content := range strings.SplitAfter(string(text), "\n") {
		bare := strings.TrimRight(content, "\r\n")
		if rest, ok := separator(bare); ok {
			flush()
			// What follows on the line of the separator belongs to the document; blanks keep its column.
			content = "   " + rest + "\n"
			bare = rest
		}
		line++
		current = append(current, content...)
		if trimmed := strings.TrimSpace(bare); first == 0 && trimmed != "" && trimmed[0] != '#' && trimmed != "..." {
			first = line
		}
	}
	flush()
	return docs
}

func separator(line string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(line, "---")
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", false
	}
	return rest, true
}
