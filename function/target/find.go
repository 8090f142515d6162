package target

import (
	"context"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// Reason codes, all of them of Skips.
const (
	ReasonNoTarget        = "NoTarget"        // no label names an object
	ReasonTargetNotFound  = "TargetNotFound"  // what the labels name is not there
	ReasonAmbiguousTarget = "AmbiguousTarget" // the labels lead to several objects
	ReasonUnsupported     = "Unsupported"     // the object is of a kind that the function does not act on
)

// Client reaches the API server.
type Client interface {
	Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error)
	Namespace() string
}

// Finder finds objects for one function.
type Finder struct {
	Client Client
	// Namespace is where to look for what an alert without the label namespace
	// names; empty means the client's.
	Namespace string
	// Kinds are those that the function acts on.
	Kinds []Kind
}

// Find leads to the one object that the alert is about. An error is a Skip with
// one of this package's reasons, or what function.FromAPI makes of the API's.
func (f *Finder) Find(ctx context.Context, a *alert.Alert) (*Found, error) {
	s := &search{Finder: f, labels: a.Labels, namespace: a.Labels["namespace"]}
	if s.namespace == "" {
		s.namespace, s.assumed = f.Namespace, true
	}
	if s.namespace == "" {
		s.namespace = f.Client.Namespace()
	}
	found, err := s.named(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(f.Kinds, found.Kind) {
		return nil, function.Skip(ReasonUnsupported, "the alert is about %s; only these can be acted on: %s", found, list(f.Kinds))
	}
	found.Container, found.Pod, found.Managers = a.Labels["container"], a.Labels["pod"], managers(found.Live)
	return found, nil
}

// search is one alert's.
type search struct {
	*Finder
	labels    map[string]string
	namespace string
	assumed   bool // the alert names no namespace
}

// named follows each label that names an object; all have to lead to one.
func (s *search) named(ctx context.Context) (*Found, error) {
	var first *Found
	var by string
	for _, l := range labels {
		name := s.labels[l.label]
		if name == "" {
			continue
		}
		next, err := s.follow(ctx, l.kind, name)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first, by = next, l.label
			continue
		}
		if next.Kind != first.Kind || next.UID != first.UID {
			return nil, function.Skip(ReasonAmbiguousTarget, "the alert's labels lead to different objects: %s=%q to %s, %s=%q to %s",
				by, s.labels[by], first, l.label, name, next)
		}
		if next.Through != "" && first.Through != "" && next.Through != first.Through {
			return nil, function.Skip(ReasonAmbiguousTarget, "the alert's labels lead to different ReplicaSets of %s: %s and %s", first, first.Through, next.Through)
		}
		if first.Through == "" {
			first.Through = next.Through
		}
	}
	if first != nil {
		return first, nil
	}
	if name := s.labels["node"]; name != "" {
		return s.follow(ctx, Node, name)
	}
	if name := s.labels["job"]; name != "" {
		// Of Prometheus's own, more often than not: then it is no Job's name.
		o, err := s.read(ctx, Job, s.namespace, name)
		if err != nil {
			return nil, err
		}
		if o != nil {
			return s.climb(ctx, Job, o)
		}
	}
	return nil, function.Skip(ReasonNoTarget, "the alert names no object: it has none of the labels %s; keep one in what its rule sums by (it has: %s)",
		strings.Join(wanted(), ", "), strings.Join(slices.Sorted(maps.Keys(s.labels)), ", "))
}

// follow leads from a label to the topmost owner of what it names.
func (s *search) follow(ctx context.Context, kind Kind, name string) (*Found, error) {
	namespace := s.namespace
	if kind == Node {
		namespace = ""
	}
	o, err := s.read(ctx, kind, namespace, name)
	switch {
	case err != nil:
		return nil, err
	case o != nil:
		return s.climb(ctx, kind, o)
	case kind == Pod:
		return s.gone(ctx, name)
	}
	return nil, s.notFound(title(kind, namespace, name) + " does not exist")
}

func (s *search) notFound(what string) error {
	if s.assumed {
		what += "; the alert has no label namespace, so it was looked for in " + s.namespace + " (TARGET_NAMESPACE)"
	}
	return function.Skip(ReasonTargetNotFound, "%s", what)
}

func wanted() []string {
	var names []string
	for _, l := range labels {
		names = append(names, l.label)
	}
	return append(names, "node")
}

func list(kinds []Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}
