package draft

import (
	"strings"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"

	"github.com/quench-dev/quench/adapter/alert"
)

type filter = eventingv1.SubscriptionsAPIFilter

// passing is the filter for an attribute that holds any of the texts. all says that everything passes, with or without
// the attribute; nil without it that nothing does. It lets more through than the language has if it is not whole.
// emptyIfMissing says that a missing attribute is an empty text.
func (l language) passing(attribute string, emptyIfMissing bool) (f *filter, all, whole bool) {
	whole = l.whole
	var parts []filter
	for _, t := range l.texts {
		switch part, exactly := t.filter(attribute, emptyIfMissing, !l.whole); {
		case part == nil && t == "": // nothing is empty
		case part == nil:
			return nil, true, whole && exactly
		default:
			parts, whole = append(parts, *part), whole && exactly
		}
	}
	switch len(parts) {
	case 0:
		return nil, false, whole
	case 1:
		return &parts[0], false, whole
	default:
		return &filter{Any: parts}, false, whole
	}
}

// filter is that for one text: nil if it keeps nothing out or, for the empty one, lets nothing through. Where it cannot be
// whole anyway, a simpler one will do.
func (t text) filter(attribute string, emptyIfMissing, simple bool) (f *filter, whole bool) {
	if t == "" {
		if !emptyIfMissing {
			return nil, true
		}
		return missing(attribute), true
	}
	some := strings.ContainsRune(string(t), one)
	t, whole = t.held()
	t, counted := t.uncounted(simple)
	whole = whole && counted
	bare := strings.Trim(string(t), string(anything))
	switch {
	case t == "":
		return missing(attribute), whole
	case bare == string(one), bare == "" && (some || !emptyIfMissing):
		return exists(attribute), whole
	case bare == "":
		return nil, whole
	case strings.ContainsAny(bare, string(anything)+string(one)), t[0] == anything && t[len(t)-1] == anything:
		like, exactly := t.like()
		return &filter{CESQL: attribute + " LIKE '" + like + "'"}, whole && exactly
	case t[0] == anything:
		return &filter{Suffix: map[string]string{attribute: bare}}, whole
	case t[len(t)-1] == anything:
		return &filter{Prefix: map[string]string{attribute: bare}}, whole
	}
	return &filter{Exact: map[string]string{attribute: bare}}, whole
}

// uncounted takes single characters for any number of them. LIKE's _ is one byte, not one character: it can only say that
// there is something at all, where any number is let through besides.
func (t text) uncounted(simple bool) (text, bool) {
	if !strings.ContainsRune(string(t), one) {
		return t, true
	}
	const something = string(one) + string(anything)
	s := strings.ReplaceAll(string(t), string(anything)+string(one), something)
	for strings.Contains(s, "\x01\x01") {
		s = strings.ReplaceAll(s, "\x01\x01", "\x01")
	}
	if !simple && strings.Count(s, something) == strings.Count(s, string(one)) && !strings.Contains(s, string(one)+something) && !strings.Contains(s, something+string(one)) {
		return text(s), true
	}
	s = strings.ReplaceAll(s, string(one), string(anything))
	for strings.Contains(s, "\x01\x01") {
		s = strings.ReplaceAll(s, "\x01\x01", "\x01")
	}
	return text(s), false
}

// held is the text as attributes hold it: without blanks at the ends, without control characters, cut. whole says that
// nothing had to be changed.
func (t text) held() (held text, whole bool) {
	if !strings.ContainsAny(string(t), string(anything)+string(one)) {
		held = text(alert.AttributeValue(string(t)))
		return held, held == t
	}
	var b strings.Builder
	b.Grow(len(t))
	for i, piece := range split(string(t)) {
		wild := i%2 == 1
		if !wild && piece != "" && alert.AttributeValue("x"+piece+"x") != "x"+piece+"x" {
			piece = string(anything)
		}
		b.WriteString(piece)
	}
	// A value that ends or begins with a blank has lost it.
	held = text(strings.Trim(b.String(), " "))
	for _, pair := range [][2]string{{"\x01 ", "\x01"}, {" \x01", "\x01"}, {"\x01\x01", "\x01"}} {
		for strings.Contains(string(held), pair[0]) {
			held = text(strings.ReplaceAll(string(held), pair[0], pair[1]))
		}
	}
	return held, held == t
}

// split cuts at the places that stand for others: the pieces in between have even places, these odd ones.
func split(t string) (pieces []string) {
	for {
		at := strings.IndexAny(t, string(anything)+string(one))
		if at < 0 {
			return append(pieces, t)
		}
		pieces = append(pieces, t[:at], t[at:at+1])
		t = t[at+1:]
	}
}

// like is a pattern of CESQL's LIKE. A backslash cannot be said for sure in one, nor what it takes away.
func (t text) like() (pattern string, whole bool) {
	whole = !strings.ContainsAny(string(t), `\_%`)
	pattern = strings.NewReplacer(string(anything), "%", string(one), "_", `\`, "%", "%", `\%`, "_", `\_`, "'", `\'`).Replace(string(t))
	for strings.Contains(pattern, "%%") {
		pattern = strings.ReplaceAll(pattern, "%%", "%")
	}
	return pattern, whole
}

func exists(attribute string) *filter { return &filter{CESQL: "EXISTS " + attribute} }

func missing(attribute string) *filter { return &filter{CESQL: "NOT (EXISTS " + attribute + ")"} }

// not is the filter that passes what another does not; nil is one that nothing passes.
func not(f *filter) *filter {
	switch {
	case f == nil:
		return nil
	case strings.HasPrefix(f.CESQL, "NOT (EXISTS "):
		return &filter{CESQL: strings.TrimSuffix(strings.TrimPrefix(f.CESQL, "NOT ("), ")")}
	case strings.HasPrefix(f.CESQL, "EXISTS "):
		return &filter{CESQL: "NOT (" + f.CESQL + ")"}
	}
	return &filter{Not: f}
}
