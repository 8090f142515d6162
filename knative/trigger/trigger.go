// Package trigger reads Knative Triggers from YAML and says which events they catch, without a cluster.
//
// It is meant to say exactly what a cluster would: documents are decoded into Knative's own types, defaulted and
// validated by the code that Knative's admission webhook runs, and matched by Knative's own filters, in the order of
// precedence of its broker. Where Knative lets something through that cannot work, this package refuses:
//
//   - a filter that Knative's broker skips because it does not compile, so that the Trigger catches more than it says,
//     is an error of [Compile];
//   - a filter that makes Knative's broker panic, a CESQL expression whose value is not a boolean, is an error of
//     [Filter.Match], and never a match.
//
// Where the YAML is found is package source's business: files, folders, kustomize folders, a cluster.
//
// What may go wrong: [Load] reads whole files into memory, none above [MaxFileBytes]; it returns every error of every
// document that it found, joined, and no Triggers unless there is none. Nothing here blocks but reading files.
package trigger

import (
	"fmt"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
)

// APIVersion is the only version of Trigger that is read, and the one that Knative has served since 0.18.
const APIVersion = "eventing.knative.dev/v1"

// Trigger is a Knative Trigger, defaulted and valid, with the place that it was read from and its filter compiled.
type Trigger struct {
	*eventingv1.Trigger

	// File is the path of the file that the Trigger was read from, Line the first line of its document in it, from 1; or the
	// kustomize folder that it was built from, or "cluster", and 0.
	File string
	Line int
	// Filter says which events the Trigger catches.
	Filter *Filter
}

// ID is namespace/name, the name by which logs and errors call a Trigger.
func (t *Trigger) ID() string { return t.Namespace + "/" + t.Name }

// Where is file:line, as compilers print it, or the kustomize folder.
func (t *Trigger) Where() string {
	if t.Line == 0 {
		return t.File
	}
	return fmt.Sprintf("%s:%d", t.File, t.Line)
}
