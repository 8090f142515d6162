package lint

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	// Error is what does not work, or does another thing than it says.
	Error Severity = "error"
	// Warning is what works until something else goes wrong, or may be meant.
	Warning Severity = "warning"
)

// Rule is one kind of finding.
type Rule struct {
	ID       string
	Severity Severity
	// What says in a sentence what is found, and what becomes of it.
	What string
}

// Rules are all kinds of findings, in the order in which the README has them.
var Rules = []Rule{
	{"not-admitted", Error, "Knative's admission or the API server refuses the Trigger: a field missing, of the wrong type or form"},
	{"unknown-field", Error, "a field that there is not, such as `filtres`; admission refuses it"},
	{"attribute-name", Error, "an attribute name with upper case, `_` or the like; admission refuses it. Says which attribute the label is"},
	{"several-dialects", Error, "one filter with two dialects; admission refuses it"},
	{"cesql-syntax", Error, "CESQL that cannot be parsed; admission refuses it"},
	{"duplicate", Error, "two Triggers of one name: the later one replaces the earlier"},

	{"empty-value", Error, "`exact`, `prefix` or `suffix` on an empty value: the broker skips the filter, and everything passes"},
	{"empty-filter", Error, "a filter with nothing in it, `{}`, `all: []` or `exact: {}`: the broker skips it, and everything passes"},
	{"cesql-not-boolean", Error, "a CESQL expression that is not true or false: the broker's filter panics at every event"},
	{"cesql-missing", Warning, "CESQL that a missing label makes false although it says “not”: `NOT (a = 'x')` and `a != 'x'` do not pass events without `a`"},
	{"no-such-attribute", Error, "an attribute that no label can become, because the name is reserved: the filter never passes"},
	{"literal-pattern", Warning, "a value that looks like a regular expression; filters compare it as it stands"},
	{"unknown-type", Warning, "a type that nothing emits"},
	{"never-true", Error, "a filter that no event can pass"},
	{"filter-ignored", Error, "`filter` beside `filters`: the broker ignores it"},
	{"swallowed", Warning, "a Trigger whose events another one already brings to the same subscriber: each comes twice"},
	{"loop", Error, "a Trigger that says nothing of the type, and so brings functions' outcomes to its subscriber, which may answer with more"},

	{"broker-missing", Error, "a Broker that does not exist: nothing is delivered, and the Trigger has no status that says so"},
	{"subscriber-missing", Error, "a subscriber that does not exist: nothing is delivered"},
	{"dead-letter-sink-missing", Error, "a dead-letter sink that does not exist: the Trigger never gets ready, and nothing is delivered"},

	{"no-dead-letter-sink", Warning, "no dead-letter sink: what the subscriber does not take is kept nowhere"},
	{"no-retry", Warning, "no retry: what the subscriber does not take at once is lost, or a dead letter at once"},
	{"no-backoff", Warning, "retries without a wait between them: they are over before anything can have changed"},
	{"no-timeout", Warning, "no timeout: a subscriber that does not answer holds up the event, and nothing is retried"},
	{"delivery-too-long", Error, "on a channel that answers once an event is settled: waits, or a timeout, that do not end within the adapter's `SEND_TIMEOUT`. What is under way then is cut off, the dead letter too"},

	{"unknown-ignore", Error, "the annotation `quench.dev/lint-ignore` names no finding"},
}

// rule returns the rule of an id, which is one of Rules.
func rule(id string) Rule {
	for _, r := range Rules {
		if r.ID == id {
			return r
		}
	}
	panic("lint: no rule " + id) // a mistake in this package, which its tests find
}
