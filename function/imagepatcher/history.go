package imagepatcher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function/target"
)

// revisionAnnotation is the Deployment controller's.
const revisionAnnotation = "deployment.kubernetes.io/revision"

// What rollback writes of a revision that it left, on the revision and on the
// workload: its uid, a blank, and more. Annotations get copied to objects that
// they are not about.
const (
	rolledBack     = "quench.dev/rolled-back"
	rolledBackFrom = "quench.dev/rolled-back-from"
)

// left says whether rollback went away from a revision of a workload.
func left(revision, workload *unstructured.Unstructured) bool {
	for _, mark := range []string{revision.GetAnnotations()[rolledBack], workload.GetAnnotations()[rolledBackFrom]} {
		if uid, _, _ := strings.Cut(mark, " "); uid == string(revision.GetUID()) {
			return true
		}
	}
	return false
}

// revision is an earlier state of a workload.
type revision struct {
	number    int64
	image     string
	available bool // pods of it serve at this moment
}

// history are the earlier revisions in which the container had another image:
// those that serve now before the others, then the newest first.
func (p *Patcher) history(ctx context.Context, found *target.Found, container, current string) ([]revision, error) {
	gvr, read := revisionResource, fromControllerRevision
	if found.Kind == target.Deployment {
		gvr, read = replicaSetResource, fromReplicaSet
	}
	owned, err := p.cluster.owned(ctx, gvr, found.Live)
	if err != nil {
		return nil, err
	}
	var all []revision
	for i := range owned {
		if left(&owned[i], found.Live) {
			continue
		}
		r, spec, err := read(&owned[i])
		if err != nil {
			return nil, err
		}
		var has bool
		if r.image, _, has = imageOf(spec, container); has && r.image != current {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b revision) int {
		if a.available != b.available {
			return map[bool]int{true: -1, false: 1}[a.available]
		}
		return cmp.Compare(b.number, a.number)
	})
	return all, nil
}

func fromReplicaSet(o *unstructured.Unstructured) (revision, *corev1.PodSpec, error) {
	set := &appsv1.ReplicaSet{}
	if err := decode(o, set); err != nil {
		return revision{}, nil, err
	}
	text := set.Annotations[revisionAnnotation]
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return revision{}, nil, fmt.Errorf("read ReplicaSet %s/%s: annotation %s is %q, want a number", set.Namespace, set.Name, revisionAnnotation, text)
	}
	return revision{number: number, available: set.Status.AvailableReplicas > 0}, &set.Spec.Template.Spec, nil
}

// fromControllerRevision reads a StatefulSet's or a DaemonSet's: a patch with the
// whole template.
func fromControllerRevision(o *unstructured.Unstructured) (revision, *corev1.PodSpec, error) {
	number, _, err := unstructured.NestedInt64(o.Object, "revision")
	if err != nil {
		return revision{}, nil, fmt.Errorf("read ControllerRevision %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	data, _, err := unstructured.NestedMap(o.Object, "data")
	if err != nil {
		return revision{}, nil, fmt.Errorf("read ControllerRevision %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	template, err := templateOf(data)
	if err != nil {
		return revision{}, nil, fmt.Errorf("read ControllerRevision %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	return revision{number: number}, &template.Spec, nil
}
