package rollback

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// seen is an object and its revisions, as they were at one look.
type seen struct {
	live      *unstructured.Unstructured
	revisions []*revision // by number, the newest first
	current   *revision   // the newest, whose template the object has unless its rollout is paused
}

// errSettling means that the object's controller has not caught up with it: in a
// moment it will have.
var errSettling = errors.New("its controller has not caught up with it yet")

// live reads the object anew. Where it is another one by now it is a Retry, and
// will be found anew.
func (r *Rollback) live(ctx context.Context, found *target.Found) (*unstructured.Unstructured, error) {
	live, err := r.cluster.get(ctx, found.Resource, found.Namespace, found.Name)
	if err != nil {
		return nil, function.FromAPI("get "+found.String(), err)
	}
	if string(live.GetUID()) != found.UID {
		return nil, function.Retry(fmt.Errorf("%s was made anew meanwhile", found))
	}
	return live, nil
}

// look reads the revisions of the object.
func (r *Rollback) look(ctx context.Context, found *target.Found, live *unstructured.Unstructured) (*seen, error) {
	s := &seen{live: live}
	if err := r.history(ctx, found.Kind, s); err != nil {
		return nil, err
	}
	observed, _, err := unstructured.NestedInt64(live.Object, "status", "observedGeneration")
	if err != nil {
		return nil, function.Fail(function.ReasonInvalid, "read status of %s: %w", found, err)
	}
	if len(s.revisions) > 0 {
		s.current = s.revisions[0]
	}
	if s.paused() { // its controller does not catch up, and nothing is done about it anyway
		return s, nil
	}
	if observed < live.GetGeneration() || s.current == nil {
		return nil, function.Retry(fmt.Errorf("%s: %w", found, errSettling))
	}
	template, _, err := unstructured.NestedMap(live.Object, "spec", "template")
	if err != nil {
		return nil, function.Fail(function.ReasonInvalid, "read pod template of %s: %w", found, err)
	}
	now, err := decode(template)
	if err != nil {
		return nil, function.Fail(function.ReasonInvalid, "read pod template of %s: %w", found, err)
	}
	if !s.current.same(now) {
		return nil, function.Retry(fmt.Errorf("%s: %w", found, errSettling))
	}
	return s, nil
}

func (s *seen) paused() bool {
	paused, _, err := unstructured.NestedBool(s.live.Object, "spec", "paused")
	return paused && err == nil
}

func (r *Rollback) history(ctx context.Context, kind target.Kind, s *seen) error {
	resource, read := controllerRevisions, fromControllerRevision
	if kind == target.Deployment {
		resource, read = replicaSets, fromReplicaSet
	}
	objects, err := r.cluster.owned(ctx, resource, s.live)
	if err != nil {
		return err
	}
	for i := range objects {
		rev, err := read(&objects[i])
		if err != nil {
			return function.Fail(function.ReasonInvalid, "read history of %s/%s: %w", s.live.GetNamespace(), s.live.GetName(), err)
		}
		if rev != nil {
			s.revisions = append(s.revisions, rev)
		}
	}
	slices.SortFunc(s.revisions, func(a, b *revision) int { // as numbers: 10 comes after 9
		switch {
		case a.number > b.number:
			return -1
		case a.number < b.number:
			return 1
		}
		return 0
	})
	return nil
}

// complete says whether all of the object's pods are there, of the current
// revision, and available.
func (s *seen) complete(kind target.Kind) bool {
	count := func(fields ...string) int64 {
		n, _, err := unstructured.NestedInt64(s.live.Object, fields...)
		if err != nil {
			return -1
		}
		return n
	}
	if kind == target.DaemonSet {
		want := count("status", "desiredNumberScheduled")
		return want > 0 && count("status", "updatedNumberScheduled") == want && count("status", "numberAvailable") == want
	}
	want := count("spec", "replicas")
	return want > 0 && !s.paused() && count("status", "replicas") == want && count("status", "updatedReplicas") == want && count("status", "availableReplicas") == want
}
