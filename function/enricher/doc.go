// Package enricher is the function enricher: it answers an alert that fires with
// what a person would look up first about the object that it is about, and with
// what a rule suggests to do (see function/enriched for the event).
//
// An alert that has resolved is answered with nothing: there is nothing left to
// look into, and its own event says all. So is every event that is no alert, its own
// answers among them.
//
// It changes nothing, but it tells logs. So it hears only of alerts that the adapter
// or an operator signed (VERIFY_KEYS_FILE), and reads only where a RoleBinding lets
// it. What logs, Kubernetes Events and statuses say is told masked.
//
// What may go wrong: nothing that would keep it from answering. Each part is looked
// up for a bounded time and told in a bounded size; one that is forbidden, gone, or
// that the API server does not answer in time for is named in the answer's missing,
// with why, and the others are told. It is not asked for again: the alert is worth
// more now than whole later. Up to three rounds of questions follow one another: the
// object, its pod, and all else at once, so that an answer takes at most three times
// what a part may.
package enricher
