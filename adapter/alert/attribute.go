package alert

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The attributes that an alert's event has beside CloudEvents' own.
const (
	AttrPartitionKey       = "partitionkey"       // the fingerprint
	AttrCorrelationID      = "correlationid"      // one incarnation of an alert
	AttrCausationID        = "causationid"        // on outcomes: the alert event's id
	AttrRecordedTime       = "recordedtime"       // when the adapter took the alert in
	AttrReceiver           = "receiver"           // Alertmanager's receiver
	AttrFingerprint        = "fingerprint"        // the alert's
	AttrNotificationReason = "notificationreason" // from notification_reason
	AttrSignature          = "quenchsignature"    // the adapter's signature
	AttrAction             = "action"             // on outcomes: the function's name
	AttrReplayedTime       = "replayedtime"       // on replayed events
)

// MaxValueBytes is the length at which an attribute's value is cut, at a
// character's boundary. The label stands whole in the event's data.
const MaxValueBytes = 1024

// reserved names have a meaning of their own in CloudEvents 1.0, its documented
// extensions, its SQL, or here.
var reserved = set(
	// CloudEvents 1.0
	"id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data", "database64",
	// documented extensions
	"authtype", "authid", "authclaims", "dataclassification", "dataregulation", "datacategory", "dataref",
	"deprecated", "deprecationfrom", "deprecationsunset", "deprecationmigration", "traceparent", "tracestate",
	"expirytime", "partitionkey", "recordedtime", "sampledrate", "sequence", "sequencetype",
	"severitytext", "severitynumber", "correlationid", "causationid",
	// CloudEvents SQL
	"and", "or", "xor", "not", "in", "like", "exists", "true", "false",
	// here
	AttrReceiver, AttrFingerprint, AttrNotificationReason, AttrSignature, AttrAction, AttrReplayedTime,
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// Reserved says whether an attribute name is taken, so that no label may have it.
func Reserved(attribute string) bool {
	return reserved[attribute] || strings.HasPrefix(attribute, "knative")
}

// AttributeName is the attribute that a label becomes where no two labels meet:
// lower case, ASCII letters and digits only, with the prefix "label" where the
// name is reserved or starts with a digit. ok is false for a label that becomes
// none: one that starts with "__", or has no ASCII letter or digit.
func AttributeName(label string) (name string, ok bool) {
	if strings.HasPrefix(label, "__") {
		return "", false
	}
	name = label
	for i := range len(label) {
		if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			name = lowered(label)
			break
		}
	}
	if name == "" {
		return "", false
	}
	if Reserved(name) || name[0] <= '9' {
		name = "label" + name
	}
	return name, true
}

// lowered is what is left of a label in lower case.
func lowered(label string) string {
	var b strings.Builder
	b.Grow(len(label))
	for i := range len(label) {
		switch c := label[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		}
	}
	return b.String()
}

// AttributeValue is what an attribute holds for a label's value: the value
// itself wherever an HTTP header carries it unchanged. Control characters become
// blanks, code points that are no characters become U+FFFD, blanks at both ends
// go, and it is cut at MaxValueBytes. Empty means that there is no attribute.
func AttributeValue(v string) string {
	if plain(v) {
		return v
	}
	v = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case r == utf8.RuneError, r&0xFFFE == 0xFFFE, r >= 0xFDD0 && r <= 0xFDEF:
			return utf8.RuneError
		}
		return r
	}, v)
	v = strings.Trim(v, " ")
	if len(v) <= MaxValueBytes {
		return v
	}
	end := MaxValueBytes
	for !utf8.RuneStart(v[end]) {
		end--
	}
	return strings.TrimRight(v[:end], " ")
}

// plain: printable ASCII, no blanks at the ends, short: nearly every label.
func plain(v string) bool {
	if len(v) > MaxValueBytes || v == "" || v[0] == ' ' || v[len(v)-1] == ' ' {
		return false
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' {
			return false
		}
	}
	return true
}
