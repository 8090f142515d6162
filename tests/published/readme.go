package published

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Commands are the indented blocks of the README below a heading.
func Commands(tb testing.TB, root, heading string) []string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		tb.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		tb.Fatalf("the README has no %q", heading)
	}
	var blocks []string
	inside := false
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "#") {
			break
		}
		code, isCode := strings.CutPrefix(line, "    ")
		switch {
		case isCode && inside:
			blocks[len(blocks)-1] += code
		case isCode:
			blocks = append(blocks, code)
		}
		inside = isCode
	}
	return blocks
}
