package draft

import (
	"errors"
	"fmt"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
)

// Matcher is one thing that is asked of a label.
type Matcher struct {
	Label string
	// Negative is != and !~.
	Negative bool
	// Pattern is an expression instead of a value.
	Pattern bool
	Value   string
	// Unanchored expressions match a part of the value, and a label that is missing does not match at all, as in Bailer's
	// rules; all others match the whole value, and a missing label is an empty one, as for Alertmanager.
	Unanchored bool
}

// ParseMatcher reads Alertmanager's syntax: severity=critical, namespace=~"shop-.*", team!=web, pod!~"x.*".
func ParseMatcher(text string) (Matcher, error) {
	m, err := parse.Matcher(text)
	if err != nil {
		return Matcher{}, fmt.Errorf("%q: %w; want label=value, label!=value, label=~\"expression\" or label!~\"expression\"", text, err)
	}
	return Matcher{
		Label: m.Name, Value: m.Value,
		Negative: m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp,
		Pattern:  m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp,
	}, nil
}

// String is the matcher in Alertmanager's syntax.
func (m Matcher) String() string {
	op := map[[2]bool]string{{false, false}: "=", {true, false}: "!=", {false, true}: "=~", {true, true}: "!~"}[[2]bool{m.Negative, m.Pattern}]
	return fmt.Sprintf("%s%s%q", m.Label, op, m.Value)
}

// errNone is about a matcher that keeps everything out.
var errNone = errors.New("no alert can pass it")

// filter is the nearest filter for a matcher of an attribute: nil lets everything through. whole says that it says all of
// it; if not, it lets more through.
func (m Matcher) filter(attribute string) (f *filter, whole bool, err error) {
	l := language{texts: []text{text(m.Value)}, whole: true}
	if m.Pattern {
		if l, err = languageOf(m.Value, m.Unanchored); err != nil {
			return nil, false, err
		}
	}
	f, all, whole := l.passing(attribute, !m.Unanchored)
	switch {
	case !m.Negative && f == nil && !all, m.Negative && all && whole:
		return nil, false, errNone
	case !m.Negative:
		return f, whole, nil
	case !whole:
		return nil, false, nil // to keep out more than was asked for is to catch less
	default:
		return not(f), true, nil
	}
}
