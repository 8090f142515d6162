package target

import (
	"context"
	"regexp"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function"
)

// How controllers name pods: with a random suffix of five letters and digits that
// make no words (k8s.io/apimachinery/pkg/util/rand), or with an ordinal.
var (
	random  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(.+)-[bcdfghjklmnpqrstvwxz2456789]{5}$`) })
	ordinal = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(.+)-(?:0|[1-9][0-9]*)$`) })
)

// gone finds the owner of a pod that is not there any more, by the exact name
// that the owner must have.
func (s *search) gone(ctx context.Context, pod string) (*Found, error) {
	type candidate struct {
		kind Kind
		name string
	}
	var candidates []candidate
	if m := random().FindStringSubmatch(pod); m != nil {
		for _, kind := range []Kind{ReplicaSet, DaemonSet, Job} {
			candidates = append(candidates, candidate{kind, m[1]})
		}
	}
	if m := ordinal().FindStringSubmatch(pod); m != nil {
		candidates = append(candidates, candidate{StatefulSet, m[1]})
	}
	var first *Found
	for _, c := range candidates {
		o, err := s.read(ctx, c.kind, s.namespace, c.name)
		if err != nil {
			return nil, err
		}
		if o == nil || !names(c.kind, o) {
			continue
		}
		next, err := s.climb(ctx, c.kind, o)
		if err != nil {
			return nil, err
		}
		if first != nil {
			return nil, function.Skip(ReasonAmbiguousTarget, "Pod %s/%s is gone, and may have been one of %s or of %s", s.namespace, pod, first, next)
		}
		first = next
	}
	if first == nil {
		return nil, s.notFound(title(Pod, s.namespace, pod) + " does not exist, nor a ReplicaSet, StatefulSet, DaemonSet or Job that would give it this name")
	}
	return first, nil
}

// names says whether an object gives its pods names with a suffix of its own: a
// Deployment's ReplicaSet is called after it and the hash that its pods have.
func names(kind Kind, o *unstructured.Unstructured) bool {
	if kind != ReplicaSet {
		return true
	}
	for _, ref := range o.GetOwnerReferences() {
		if ref.Controller != nil && *ref.Controller && ref.Kind == string(Deployment) {
			hash := o.GetLabels()["pod-template-hash"]
			return hash != "" && strings.TrimSuffix(o.GetName(), "-"+hash) == ref.Name
		}
	}
	return true
}
