package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/quench-dev/quench/adapter/alert"
)

var attributeName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// carried are the reserved attributes that events of quench's have beside labels: CloudEvents' own, and the adapter's.
var carried = []string{
	"id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "datamediatype",
	"traceparent", "tracestate", alert.AttrPartitionKey, alert.AttrCorrelationID, alert.AttrRecordedTime, alert.AttrReceiver,
	alert.AttrFingerprint, alert.AttrNotificationReason, alert.AttrSignature, alert.AttrReplayedTime,
	alert.AttrAction, alert.AttrCausationID,
}

// answered are those of them that alerts do not have, but what functions answer has.
var answered = []string{alert.AttrAction, alert.AttrCausationID}

// named looks at an attribute's name, and says whether it is one.
func (l *linter) named(s *subject, field, name string) bool {
	if !attributeName.MatchString(name) {
		s.report("attribute-name", field, l.becomes(name), "%q is no attribute name: it has to begin with a letter and hold lower-case letters and digits alone", name)
		return false
	}
	if !alert.Reserved(name) || s.others() {
		return true
	}
	if !slices.Contains(carried, name) {
		s.report("no-such-attribute", field, l.becomes(name), "%q is reserved, and no event has it", name)
	} else if slices.Contains(answered, name) && s.alertsOnly() {
		s.report("no-such-attribute", field, l.becomes(name), "%q is reserved for what functions answer: no alert has it", name)
	}
	return true
}

// becomes is the attribute that a label of this name is.
func (l *linter) becomes(label string) string {
	if name, ok := l.Mapping.Attribute(label); ok {
		return name + ": the attribute that the label " + label + " becomes"
	}
	return "an attribute that a label becomes; " + label + " becomes none"
}

// types are the values that a Trigger compares the type with, whichever way.
func (s *subject) types() []string {
	if s.trigger == nil {
		return nil
	}
	return spaceOf(s.trigger).literals["type"]
}

// alertsOnly says whether the Trigger names types, and alerts' alone.
func (s *subject) alertsOnly() bool {
	types := s.types()
	return len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool {
		return !strings.HasPrefix(t, "io.prometheus.alertmanager.")
	})
}

// others says whether the Trigger names types that are neither alerts' nor quench's own: what attributes these have is
// not known here.
func (s *subject) others() bool {
	return slices.ContainsFunc(s.types(), func(t string) bool {
		return !strings.HasPrefix(t, "io.prometheus.") && !strings.HasPrefix(t, "dev.quench.") && !isPattern(t)
	})
}

// isPattern says whether a value is a part of a type of ours, so that it says little.
func isPattern(t string) bool {
	return slices.ContainsFunc(emitted, func(e string) bool { return strings.Contains(e, strings.Trim(t, "%")) })
}
