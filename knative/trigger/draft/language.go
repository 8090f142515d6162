package draft

import (
	"fmt"
	"regexp/syntax"
	"strings"
)

// maxTexts is how many alternatives of an expression are told apart; what has more is one of them: anything.
const maxTexts = 32

// maxClass is how many characters of a class are told apart; those of a larger one are any character.
const maxClass = 5

// Characters that stand for others in a [text]. None can be in an attribute's value, where control characters are blanks.
const (
	anything = '\x01' // any characters, or none
	one      = '\x02' // any one character
	begin    = '\x03' // the value begins here
	end      = '\x04' // it ends here
)

// text is a value with places that stand for other characters.
type text string

// language is what an expression matches: any of the texts. If it is not whole, it matches less than that.
type language struct {
	texts []text
	whole bool
}

var everything = language{texts: []text{text(anything)}}

// languageOf reads an expression as Prometheus does, anchored, or as Go does.
func languageOf(expression string, unanchored bool) (language, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl|syntax.DotNL)
	if err != nil {
		return language{}, fmt.Errorf("expression %q: %w", expression, err)
	}
	l := read(parsed.Simplify())
	for i, t := range l.texts {
		s, atBegin := strings.CutPrefix(string(t), string(begin))
		s, atEnd := strings.CutSuffix(s, string(end))
		if unanchored && !atBegin {
			s = string(anything) + s
		}
		if unanchored && !atEnd {
			s += string(anything)
		}
		if strings.ContainsAny(s, string(begin)+string(end)) {
			// An anchor in the middle: what it asks for is let go.
			s, l.whole = strings.NewReplacer(string(begin), "", string(end), "").Replace(s), false
		}
		for strings.Contains(s, "\x01\x01") {
			s = strings.ReplaceAll(s, "\x01\x01", "\x01")
		}
		l.texts[i] = text(s)
	}
	return l.unique(), nil
}

func read(x *syntax.Regexp) language {
	switch x.Op {
	case syntax.OpNoMatch:
		return language{whole: true}
	case syntax.OpEmptyMatch:
		return language{texts: []text{""}, whole: true}
	case syntax.OpLiteral:
		return readLiteral(x)
	case syntax.OpCharClass:
		return readClass(x)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL: // no attribute holds a line break
		return language{texts: []text{text(one)}, whole: true}
	case syntax.OpBeginText:
		return language{texts: []text{text(begin)}, whole: true}
	case syntax.OpEndText:
		return language{texts: []text{text(end)}, whole: true}
	case syntax.OpCapture:
		return read(x.Sub[0])
	case syntax.OpConcat:
		all := language{texts: []text{""}, whole: true}
		for _, sub := range x.Sub {
			all = all.then(read(sub))
		}
		return all
	case syntax.OpAlternate:
		all := language{whole: true}
		for _, sub := range x.Sub {
			l := read(sub)
			all.texts, all.whole = append(all.texts, l.texts...), all.whole && l.whole
		}
		return all.unique().bounded()
	case syntax.OpQuest:
		l := read(x.Sub[0])
		l.texts = append(l.texts, "")
		return l.unique()
	case syntax.OpStar, syntax.OpPlus:
		sub := read(x.Sub[0])
		some := language{texts: []text{text(anything)}, whole: sub.whole && len(sub.texts) == 1 && sub.texts[0] == text(one)}
		if x.Op == syntax.OpPlus {
			return sub.then(some)
		}
		return some
	}
	// Borders of lines and words: what they ask for is let go.
	return language{texts: []text{""}}
}

func readLiteral(x *syntax.Regexp) language {
	l := language{texts: []text{text(string(x.Rune))}, whole: true}
	if x.Flags&syntax.FoldCase != 0 && strings.ToLower(string(x.Rune)) != strings.ToUpper(string(x.Rune)) {
		return language{texts: []text{text(strings.Repeat(string(one), len(x.Rune)))}}
	}
	if strings.ContainsFunc(string(x.Rune), func(r rune) bool { return r < ' ' }) {
		return everything // in an attribute it is a blank
	}
	return l
}

// readClass takes a small class for its characters, and a large one for any character.
func readClass(x *syntax.Regexp) language {
	var texts []text
	for i := 0; i+1 < len(x.Rune); i += 2 {
		for r := x.Rune[i]; r <= x.Rune[i+1]; r++ {
			if len(texts) == maxClass || r < ' ' {
				return language{texts: []text{text(one)}}
			}
			texts = append(texts, text(string(r)))
		}
	}
	return language{texts: texts, whole: true}
}

// then is the one, and after it the other.
func (l language) then(next language) language {
	both := language{whole: l.whole && next.whole}
	if len(l.texts)*len(next.texts) > maxTexts {
		// Too many: what comes first stays, if it can.
		if len(l.texts) > maxTexts/2 {
			return everything
		}
		next, both.whole = everything, false
	}
	for _, a := range l.texts {
		for _, b := range next.texts {
			both.texts = append(both.texts, a+b)
		}
	}
	return both.unique()
}

func (l language) bounded() language {
	if len(l.texts) > maxTexts {
		return everything
	}
	return l
}

// unique leaves out what is there already.
func (l language) unique() language {
	seen := map[text]bool{}
	var texts []text
	for _, t := range l.texts {
		if !seen[t] {
			seen[t], texts = true, append(texts, t)
		}
	}
	l.texts = texts
	return l
}
