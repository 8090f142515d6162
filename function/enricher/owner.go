package enricher

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/target"
)

const annotationRevision = "deployment.kubernetes.io/revision"

// mostConditions bounds how many conditions of an object are told.
const mostConditions = 10

// owner tells what owns the pod, or what the alert names, as it was found, and how
// far its rollout has got. It asks nothing.
func (l *look) owner(context.Context) error {
	switch {
	case l.found == nil || l.found.Kind == target.Node:
		return nil
	case l.found.Kind == target.Pod: // of something unknown, or of nothing
		if ref := metav1.GetControllerOf(l.found.Live); ref != nil {
			l.told.Owner = &enriched.Owner{Kind: ref.Kind, Namespace: l.found.Namespace, Name: ref.Name}
		}
		return nil
	}
	conditions, err := l.conditions(l.found.Live)
	if err != nil {
		return err
	}
	l.told.Owner = &enriched.Owner{
		Kind: string(l.found.Kind), Namespace: l.found.Namespace, Name: l.found.Name, Conditions: conditions,
	}
	for _, m := range l.found.Managers {
		l.told.Owner.ManagedBy = append(l.told.Owner.ManagedBy, m.Name)
	}
	l.told.Rollout, err = rollout(l.found)
	return err
}

// conditions are those of any object: all have them in one form.
func (l *look) conditions(o *unstructured.Unstructured) ([]enriched.Condition, error) {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	var told []enriched.Condition
	for _, item := range list[:min(len(list), mostConditions)] {
		fields, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("read %s %s: status.conditions: want mappings", o.GetKind(), o.GetName())
		}
		var c metav1.Condition
		if err := decode(&unstructured.Unstructured{Object: fields}, &c); err != nil {
			return nil, err
		}
		told = append(told, enriched.Condition{
			Type: c.Type, Status: string(c.Status), Reason: code(c.Reason), Message: l.text(c.Message), Since: when(c.LastTransitionTime),
		})
	}
	return told, nil
}

// rollout is how far an object's pods are those that it describes; nil for one that
// does not roll out.
func rollout(found *target.Found) (*enriched.Rollout, error) {
	switch found.Kind {
	case target.Deployment:
		d := &appsv1.Deployment{}
		if err := decode(found.Live, d); err != nil {
			return nil, err
		}
		return ofDeployment(d), nil
	case target.StatefulSet:
		s := &appsv1.StatefulSet{}
		if err := decode(found.Live, s); err != nil {
			return nil, err
		}
		r := &enriched.Rollout{
			Revision: s.Status.UpdateRevision, Desired: number(s.Spec.Replicas), Updated: s.Status.UpdatedReplicas,
			Ready: s.Status.ReadyReplicas, Available: s.Status.AvailableReplicas,
		}
		r.State = state(r, s.Status.ObservedGeneration < s.Generation || s.Status.UpdateRevision != s.Status.CurrentRevision)
		return r, nil
	case target.DaemonSet:
		d := &appsv1.DaemonSet{}
		if err := decode(found.Live, d); err != nil {
			return nil, err
		}
		r := &enriched.Rollout{
			Desired: d.Status.DesiredNumberScheduled, Updated: d.Status.UpdatedNumberScheduled,
			Ready: d.Status.NumberReady, Available: d.Status.NumberAvailable,
		}
		r.State = state(r, d.Status.ObservedGeneration < d.Generation || r.Updated < r.Desired)
		return r, nil
	}
	return nil, nil
}

func ofDeployment(d *appsv1.Deployment) *enriched.Rollout {
	r := &enriched.Rollout{
		Revision: d.Annotations[annotationRevision], Desired: number(d.Spec.Replicas), Updated: d.Status.UpdatedReplicas,
		Ready: d.Status.ReadyReplicas, Available: d.Status.AvailableReplicas,
	}
	// A new revision is under way until all of its pods were available once.
	under := d.Status.ObservedGeneration < d.Generation || r.Updated < r.Desired || d.Status.Replicas > r.Updated
	for _, c := range d.Status.Conditions {
		if c.Type != appsv1.DeploymentProgressing {
			continue
		}
		under = under || c.Status == corev1.ConditionTrue && c.Reason != "NewReplicaSetAvailable" && r.Available < r.Desired
		if c.Reason == "ProgressDeadlineExceeded" {
			r.State = enriched.RolloutStuck
			return r
		}
	}
	if r.State = state(r, under); d.Spec.Paused {
		r.State = enriched.RolloutPaused
	}
	return r
}

func state(r *enriched.Rollout, under bool) string {
	switch {
	case under:
		return enriched.RolloutProgressing
	case r.Available < r.Desired:
		return enriched.RolloutUnavailable
	}
	return enriched.RolloutComplete
}

func number(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}
