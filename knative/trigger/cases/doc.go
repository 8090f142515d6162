// Package cases tests Triggers against alerts without a cluster, as promtool tests rules: a file names Triggers, alerts, and
// which of the Triggers must catch each and which must not.
//
// Events are made of alerts by the adapter's own code, and matched by package trigger. An alert that a case describes by
// its labels goes the adapter's whole way: it becomes a webhook's body first, and is refused for what the adapter would
// refuse.
//
// What may go wrong: [Read] refuses what it does not know, and names file, line and field. [Run] never fails: what a filter
// that panics does to a case is in the result.
package cases
