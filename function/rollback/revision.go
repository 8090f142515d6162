package rollback

import (
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function/target"
)

// What Deployments' controller writes.
const (
	annotationRevision = "deployment.kubernetes.io/revision"
	annotationHistory  = "deployment.kubernetes.io/revision-history" // the numbers that a ReplicaSet had before
	labelHash          = "pod-template-hash"
)

// revision is one that an object has had: a Deployment's ReplicaSet, or a
// ControllerRevision of the others.
type revision struct {
	number   int64
	resource schema.GroupVersionResource
	object   *unstructured.Unstructured
	template map[string]any // the pod template, without what controllers add to it
	typed    *corev1.PodTemplateSpec
}

func (r *revision) String() string {
	return fmt.Sprintf("revision %d (%s)", r.number, r.object.GetName())
}
func (r *revision) uid() string        { return string(r.object.GetUID()) }
func (r *revision) created() time.Time { return r.object.GetCreationTimestamp().Time }
func (r *revision) path() string {
	return target.Path(r.resource, r.object.GetNamespace(), r.object.GetName())
}

// same says whether two revisions have the same pod template.
func (r *revision) same(other *corev1.PodTemplateSpec) bool {
	return equality.Semantic.DeepEqual(r.typed, other)
}

// fromReplicaSet answers nil for one whose number is none: its controller has not
// got to it yet.
func fromReplicaSet(o *unstructured.Unstructured) (*revision, error) {
	number, err := strconv.ParseInt(o.GetAnnotations()[annotationRevision], 10, 64)
	if err != nil || number < 1 {
		return nil, nil
	}
	template, _, err := unstructured.NestedMap(o.Object, "spec", "template")
	if err != nil {
		return nil, err
	}
	unstructured.RemoveNestedField(template, "metadata", "labels", labelHash)
	return newRevision(number, replicaSets, o, template)
}

func fromControllerRevision(o *unstructured.Unstructured) (*revision, error) {
	number, _, err := unstructured.NestedInt64(o.Object, "revision")
	if err != nil {
		return nil, err
	}
	template, found, err := unstructured.NestedMap(o.Object, "data", "spec", "template")
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("want data.spec.template in ControllerRevision %s", o.GetName())
	}
	delete(template, "$patch")
	return newRevision(number, controllerRevisions, o, template)
}

func newRevision(number int64, r schema.GroupVersionResource, o *unstructured.Unstructured, template map[string]any) (*revision, error) {
	typed, err := decode(template)
	if err != nil {
		return nil, fmt.Errorf("read pod template of %s: %w", o.GetName(), err)
	}
	return &revision{number, r, o, template, typed}, nil
}

func decode(template map[string]any) (*corev1.PodTemplateSpec, error) {
	t := &corev1.PodTemplateSpec{}
	return t, runtime.DefaultUnstructuredConverter.FromUnstructured(template, t)
}
