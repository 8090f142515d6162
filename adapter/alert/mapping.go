package alert

import (
	"fmt"
	"maps"
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
	from := make(map[string]string, len(labels)) // attribute → label
	for label := range labels {
		name, ok := m.Attribute(label)
		if !ok {
			continue
		}
		if rival, met := from[name]; !met || m.before(label, rival, name) {
			from[name] = label
		}
	}
	attributes := make(map[string]string, len(from))
	left := MaxAttributeBytes
	take := func(name string) {
		v := AttributeValue(labels[from[name]])
		if size := len(name) + len(v); v != "" && size <= left {
			attributes[name] = v
			left -= size
		}
	}
	first, named := m.Attribute(model.AlertNameLabel)
	if named && from[first] != "" {
		take(first)
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if _, done := attributes[name]; !done {
			take(name)
		}
	}
	return attributes
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
