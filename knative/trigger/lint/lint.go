// Package lint says what is wrong with Triggers before a cluster does, or where no cluster ever would.
//
// Two kinds of things are found: what Knative's admission would refuse, and what it lets through to the harm of who wrote
// it, such as a filter that is skipped because its value is empty, so that the Trigger catches everything. [Rules] lists
// them all. Filters are judged by Knative's own code: what is said to be never true was tried against all values that
// could make a difference, and where these are too many, or a CESQL expression too free, nothing is said.
//
// What is not known is no finding: a subscriber is missing only where a Broker and others of its kind were read, or where a
// cluster was asked; a Trigger without delivery is judged by its Broker's, if that was read.
//
// What may go wrong: [Run] fails only where the cluster does. It reads no files, and its work is bounded.
package lint

import (
	"cmp"
	"context"
	"slices"
	"time"

	"knative.dev/eventing/pkg/apis/feature"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// Finding is one thing that is wrong.
type Finding struct {
	// ID is that of a [Rule].
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	// File is where the Trigger was read, Line that of Field in it, from 1: 0 where there are no lines, as in what kustomize
	// built and in a cluster.
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	// Trigger is namespace/name, Field the path of what is wrong in it.
	Trigger string `json:"trigger"`
	Field   string `json:"field"`
	// Why says what would happen, Instead what to write.
	Why     string `json:"why"`
	Instead string `json:"instead"`
}

// Options say what is known beside the objects. The zero value is usable.
type Options struct {
	// SendTimeout is the adapter's SEND_TIMEOUT; 50 seconds if zero.
	SendTimeout time.Duration
	// Types are event types that others send to the Broker, so that a filter for one is no finding.
	Types []string
	// Mapping is the adapter's; nil is the default rules.
	Mapping *alert.Mapping
	// Features are the cluster's feature flags; nil means Knative's defaults.
	Features feature.Flags
	// Exists asks a cluster for an object; nil means that there is none to ask.
	Exists Exists
}

// Run returns the findings about all Triggers among the objects, by file, line and Trigger. Findings that a Trigger's
// annotation [IgnoreAnnotation] names are left out.
func Run(ctx context.Context, objects []*source.Object, o Options) ([]Finding, error) {
	if o.SendTimeout <= 0 {
		o.SendTimeout = 50 * time.Second
	}
	l := &linter{Options: o, set: source.Set{Objects: objects}}
	for _, object := range objects {
		if object.GetKind() == "Trigger" && object.GroupVersionKind().Group == group {
			l.subjects = append(l.subjects, l.read(ctx, object))
		}
	}
	l.duplicates()
	for _, s := range l.subjects {
		l.ignores(s)
		if s.trigger == nil {
			continue
		}
		l.filters(ctx, s)
		l.delivery(s)
		if err := l.references(ctx, s); err != nil {
			return nil, err
		}
	}
	l.siblings(ctx)
	var findings []Finding
	for _, s := range l.subjects {
		findings = append(findings, s.heeded()...)
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Trigger, b.Trigger))
	})
	return findings, nil
}

// group is Knative Eventing's API group.
const group = "eventing.knative.dev"

// linter is one run.
type linter struct {
	Options
	set      source.Set
	subjects []*subject
}
