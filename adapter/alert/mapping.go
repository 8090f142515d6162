package alert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
)

// MaxAttributeBytes bounds all label attributes of one event together, names and
// values, so that an event's headers pass every server on its way (Node.js stops
// at 16 KiB). alertname comes first, the others by name; what no longer fits is
// left out and stands in the data alone.
const MaxAttributeBytes = 8 << 10

// Mapping decides which attribute each label becomes. The zero value and nil
// follow AttributeName for every label.
type Mapping struct {
	named map[string]string // label → attribute
	taken map[string]bool   // the attributes in named
	only  bool
}

// NewMapping reads LABEL_ATTRIBUTES, a list "label=attribute,…". With only, no
// other label becomes an attribute. A name that cannot be an attribute, or is
// used twice, is an error.
func NewMapping(overrides string, only bool) (*Mapping, error) {
	m := &Mapping{named: map[string]string{}, taken: map[string]bool{}, only: only}
	for item := range strings.SplitSeq(overrides, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		at := strings.LastIndexByte(item, '=')
		if at <= 0 {
			return nil, fmt.Errorf("%q: want label=attribute", item)
		}
		label, attribute := item[:at], item[at+1:]
		switch name, ok := AttributeName(attribute); {
		case !ok || name != attribute:
			return nil, fmt.Errorf("%q: attribute %q: want lower-case letters and digits, a letter first, and no reserved name", item, attribute)
		case m.named[label] != "":
			return nil, fmt.Errorf("%q: label %q is listed twice", item, label)
		case m.taken[attribute]:
			return nil, fmt.Errorf("%q: attribute %q is listed twice", item, attribute)
		}
		m.named[label], m.taken[attribute] = attribute, true
	}
	if only && len(m.named) == 0 {
		return nil, fmt.Errorf("no label is listed, and no other becomes an attribute: want at least one label=attribute")
	}
	return m, nil
}

// Attributes are the attributes that labels become, by name. Where two labels
// meet in one name, the one that needed no change wins; between two that
// changed, the one whose own name sorts first.
func (m *Mapping) Attributes(labels map[string]string) map[string]string {
	attributes := make(map[string]string, len(labels))
	m.each(labels, func(name, value string) { attributes[name] = value })
	return attributes
}

// pair is a label that wants to become an attribute.
type pair struct{ name, label string }

// each hands over the attributes, each once.
func (m *Mapping) each(labels map[string]string, take func(name, value string)) {
	pairs := make([]pair, 0, len(labels))
	for label := range labels {
		if name, ok := m.Attribute(label); ok {
			pairs = append(pairs, pair{name, label})
		}
	}
	// The alert's name first: whatever else does not fit, that is there.
	first, named := m.Attribute(model.AlertNameLabel)
	slices.SortFunc(pairs, func(a, b pair) int {
		switch {
		case a.name == b.name && m.before(a.label, b.label, a.name), a.name != b.name && named && a.name == first:
			return -1
		case a.name == b.name || named && b.name == first:
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	left, last := MaxAttributeBytes, ""
	for _, p := range pairs {
		if p.name == last {
			continue
		}
		last = p.name
		v := AttributeValue(labels[p.label])
		if size := len(p.name) + len(v); v != "" && size <= left {
			take(p.name, v)
			left -= size
		}
	}
}

// Attribute is the attribute that a label becomes, where no other label takes its
// name; ok is false where it becomes none.
func (m *Mapping) Attribute(label string) (name string, ok bool) {
	if m == nil {
		return AttributeName(label)
	}
	if name, listed := m.named[label]; listed {
		return name, true
	}
	name, ok = AttributeName(label)
	return name, ok && !m.only && !m.taken[name]
}

func (m *Mapping) before(label, rival, name string) bool {
	if (label == name) != (rival == name) {
		return label == name
	}
	return label < rival
}
