package enricher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

var (
	podResource        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	replicaSetResource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
)

// How many objects of a workload are looked at, of each kind.
const mostListed = 200

// findPod is the alert's pod or, where that is gone or the alert names none, the one
// of its object's that is worst off.
func (l *look) findPod(ctx context.Context) error {
	name := l.alert.Labels["pod"]
	switch {
	case l.found != nil && l.found.PodObject != nil:
		return l.tell(l.found.PodObject)
	case l.found == nil && name == "":
		return nil
	case l.found == nil: // what owns it could not be found, or not for sure
		pods, err := l.client.Resource(podResource, l.namespace())
		if err != nil {
			return err
		}
		o, err := pods.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("get pod %s/%s: %w", l.namespace(), name, err)
		}
		return l.tell(o)
	case l.found.Kind == target.Node:
		return nil
	}
	worst, err := l.worst(ctx)
	if err != nil {
		return err
	}
	if name != "" {
		err = fmt.Errorf("the alert's pod %s/%s does not exist any more", l.namespace(), name)
	}
	if worst == nil {
		return errors.Join(err, fmt.Errorf("%s has no pods", l.found))
	}
	l.pod = worst
	l.tellPod()
	if err != nil {
		return fmt.Errorf("%w; what is told is of another one of %s", err, l.found)
	}
	return nil
}

func (l *look) tell(o *unstructured.Unstructured) error {
	pod := &corev1.Pod{}
	if err := decode(o, pod); err != nil {
		return err
	}
	l.pod = pod
	l.tellPod()
	return nil
}

// worst is the pod of the object's that has most to tell: one with a reason, then
// one that was started again more often, then the newest.
func (l *look) worst(ctx context.Context) (*corev1.Pod, error) {
	text, owners, err := l.owning(ctx)
	if err != nil {
		return nil, err
	}
	resource, err := l.client.Resource(podResource, l.found.Namespace)
	if err != nil {
		return nil, err
	}
	list, err := resource.List(ctx, metav1.ListOptions{LabelSelector: text, Limit: mostListed})
	if err != nil {
		return nil, fmt.Errorf("list pods of %s: %w", l.found, err)
	}
	var pods []*corev1.Pod
	for i := range list.Items {
		if ref := metav1.GetControllerOf(&list.Items[i]); ref == nil || !owners[ref.UID] {
			continue // labels can be anybody's
		}
		pod := &corev1.Pod{}
		if err := decode(&list.Items[i], pod); err != nil {
			return nil, err
		}
		pods = append(pods, pod)
	}
	if len(pods) == 0 {
		return nil, nil
	}
	return slices.MaxFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(
			cmp.Compare(l.trouble(a), l.trouble(b)), cmp.Compare(restarts(a), restarts(b)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name),
		)
	}), nil
}

// owning is by which labels to look for the object's pods, and who controls them.
func (l *look) owning(ctx context.Context) (text string, owners map[types.UID]bool, err error) {
	selector := &metav1.LabelSelector{}
	fields, _, _ := unstructured.NestedMap(l.found.Live.Object, "spec", "selector")
	if err := decode(&unstructured.Unstructured{Object: fields}, selector); err != nil {
		return "", nil, err
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || s.Empty() {
		return "", nil, function.Fail(function.ReasonInvalid, "%s selects no pods (%v)", l.found, err)
	}
	owners = map[types.UID]bool{l.found.Live.GetUID(): true}
	if l.found.Kind != target.Deployment {
		return s.String(), owners, nil
	}
	resource, err := l.client.Resource(replicaSetResource, l.found.Namespace)
	if err != nil {
		return "", nil, err
	}
	sets, err := resource.List(ctx, metav1.ListOptions{LabelSelector: s.String(), Limit: mostListed})
	if err != nil {
		return "", nil, fmt.Errorf("list replicasets of %s: %w", l.found, err)
	}
	newest := -1
	for i := range sets.Items {
		if !metav1.IsControlledBy(&sets.Items[i], l.found.Live) {
			continue
		}
		owners[sets.Items[i].GetUID()] = true
		number, _ := strconv.Atoi(sets.Items[i].GetAnnotations()[annotationRevision])
		if l.found.Through == "" && number > newest {
			newest, l.replicaSet = number, sets.Items[i].GetName()
		}
	}
	return s.String(), owners, nil
}

func restarts(pod *corev1.Pod) (n int32) {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		n += s.RestartCount
	}
	return n
}

// trouble is 1 for a pod that is not as it should be.
func (l *look) trouble(pod *corev1.Pod) int {
	if reason, _ := l.podReason(pod, ""); reason != "" || pod.Status.Phase == corev1.PodPending {
		return 1
	}
	return 0
}
