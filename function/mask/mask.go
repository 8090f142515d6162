// Package mask takes secrets out of text that others wrote, such as a log, before
// it is told.
//
// It is a net, no wall: what no pattern knows passes. Patterns are RE2, so that the
// time it takes grows with the text's length alone.
package mask

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
)

// Masked stands for what was masked.
const Masked = "***"

//go:embed patterns.txt
var shipped string

// Masker knows what to mask. The zero Masker masks nothing. It may be used from
// several goroutines.
type Masker struct{ patterns []*regexp.Regexp }

// New masks what more says after what is shipped (patterns.txt), or, without
// defaults, more alone.
func New(defaults bool, more ...*regexp.Regexp) (*Masker, error) {
	var m Masker
	if defaults {
		patterns, err := Parse(shipped)
		if err != nil {
			return nil, fmt.Errorf("patterns.txt: %w", err)
		}
		m.patterns = patterns
	}
	m.patterns = append(m.patterns, more...)
	return &m, nil
}

// Parse reads patterns, one a line; blank lines and those that begin with # are
// none. A pattern that matches nothing at all would mask between any two letters,
// and is refused.
func Parse(text string) ([]*regexp.Regexp, error) {
	var patterns []*regexp.Regexp
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		re, err := regexp.Compile(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: want a regular expression (RE2): %w", n, err)
		}
		if re.MatchString("") {
			return nil, fmt.Errorf("line %d: want a regular expression that does not match the empty text: %q does", n, line)
		}
		patterns = append(patterns, re)
	}
	return patterns, nil
}

// Mask is the text with *** in the place of each secret.
func (m *Masker) Mask(text string) string {
	for _, re := range m.patterns {
		text = replace(re, text)
	}
	return text
}

// replace masks the groups of each match, or all of it where the pattern has none.
func replace(re *regexp.Regexp, text string) string {
	matches := re.FindAllStringSubmatchIndex(text, -1)
	if matches == nil {
		return text
	}
	var b strings.Builder
	done := 0
	for _, match := range matches {
		if len(match) > 2 {
			match = match[2:]
		}
		for i := 0; i < len(match); i += 2 {
			from, to := match[i], match[i+1]
			if from < done || from == to { // a group inside another, or one that took no part
				continue
			}
			b.WriteString(text[done:from])
			b.WriteString(Masked)
			done = to
		}
	}
	b.WriteString(text[done:])
	return b.String()
}
