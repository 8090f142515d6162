package enricher

import (
	"context"
	"fmt"

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

// workload is what Deployments, StatefulSets and DaemonSets tell of their rollout, under apps/v1's names: its types bring
// all that they can be encoded as, which costs each start of a function.
type workload struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Replicas *int32 `json:"replicas"`
		Paused   bool   `json:"paused"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64              `json:"observedGeneration"`
		Conditions         []metav1.Condition `json:"conditions"`

		Replicas          int32 `json:"replicas"`
		UpdatedReplicas   int32 `json:"updatedReplicas"`
		ReadyReplicas     int32 `json:"readyReplicas"`
		AvailableReplicas int32 `json:"availableReplicas"`

		CurrentRevision string `json:"currentRevision"`
		UpdateRevision  string `json:"updateRevision"`

		DesiredNumberScheduled int32 `json:"desiredNumberScheduled"`
		UpdatedNumberScheduled int32 `json:"updatedNumberScheduled"`
		NumberReady            int32 `json:"numberReady"`
		NumberAvailable        int32 `json:"numberAvailable"`
	} `json:"status"`
}

// rollout is how far an object's pods are those that it describes; nil for one that
// does not roll out.
func rollout(found *target.Found) (*enriched.Rollout, error) {
	switch found.Kind {
	case target.Deployment, target.StatefulSet, target.DaemonSet:
	default:
		return nil, nil
	}
	w := &workload{}
	if err := decode(found.Live, w); err != nil {
		return nil, err
	}
	status, unseen := w.Status, w.Status.ObservedGeneration < w.Generation
	if found.Kind == target.DaemonSet {
		r := &enriched.Rollout{
			Desired: status.DesiredNumberScheduled, Updated: status.UpdatedNumberScheduled,
			Ready: status.NumberReady, Available: status.NumberAvailable,
		}
		r.State = state(r, unseen || r.Updated < r.Desired)
		return r, nil
	}
	r := &enriched.Rollout{
		Revision: status.UpdateRevision, Desired: number(w.Spec.Replicas), Updated: status.UpdatedReplicas,
		Ready: status.ReadyReplicas, Available: status.AvailableReplicas,
	}
	if found.Kind == target.StatefulSet {
		r.State = state(r, unseen || status.UpdateRevision != status.CurrentRevision)
		return r, nil
	}
	r.Revision = w.Annotations[annotationRevision]
	r.State = w.deployment(r, unseen || r.Updated < r.Desired || status.Replicas > r.Updated)
	return r, nil
}

// deployment is the state of a Deployment; under says that its pods do not agree with it.
func (w *workload) deployment(r *enriched.Rollout, under bool) string {
	for _, c := range w.Status.Conditions {
		if c.Type != "Progressing" {
			continue
		}
		if c.Reason == "ProgressDeadlineExceeded" {
			return enriched.RolloutStuck
		}
		// A new revision is under way until all of its pods were available once.
		under = under || c.Status == metav1.ConditionTrue && c.Reason != "NewReplicaSetAvailable" && r.Available < r.Desired
	}
	if w.Spec.Paused {
		return enriched.RolloutPaused
	}
	return state(r, under)
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
