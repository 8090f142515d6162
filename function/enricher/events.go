package enricher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/target"
)

var eventResource = schema.GroupVersionResource{Version: "v1", Resource: "events"}

// mostEvents bounds how many Kubernetes Events are told.
const mostEvents = 10

// events are the newest Kubernetes Events about the pod, its ReplicaSet and what
// owns them. Those of a pod that is gone are kept for an hour, and found by its name.
func (l *look) events(ctx context.Context) error {
	var about []fields.Set
	named := func(kind target.Kind, name string) fields.Set {
		return fields.Set{"involvedObject.kind": string(kind), "involvedObject.name": name}
	}
	if name := l.alert.Labels["pod"]; name != "" && (l.pod == nil || l.pod.Name != name) {
		about = append(about, named(target.Pod, name))
	}
	namespace := l.namespace()
	if l.pod != nil {
		namespace = l.pod.Namespace
		about = append(about, fields.Set{"involvedObject.uid": string(l.pod.UID)})
	}
	if l.found != nil && l.found.Kind != target.Node && l.found.Kind != target.Pod {
		namespace = l.found.Namespace
		about = append(about, fields.Set{"involvedObject.uid": l.found.UID})
	}
	if l.replicaSet != "" {
		about = append(about, named(target.ReplicaSet, l.replicaSet))
	}
	resource, err := l.client.Resource(eventResource, namespace)
	if err != nil {
		return err
	}
	var all []enriched.Event
	var errs []error
	for _, set := range about {
		list, err := resource.List(ctx, metav1.ListOptions{FieldSelector: set.String(), Limit: mostListed})
		if err != nil {
			errs = append(errs, fmt.Errorf("list events: %w", err))
			break // the others would fail as well
		}
		for i := range list.Items {
			e := &corev1.Event{}
			if err := decode(&list.Items[i], e); err != nil {
				errs = append(errs, err)
				continue
			}
			all = append(all, l.event(e))
		}
	}
	slices.SortStableFunc(all, func(a, b enriched.Event) int { return cmp.Compare(unix(b.Last), unix(a.Last)) })
	l.told.Events = all[:min(len(all), mostEvents)]
	return errors.Join(errs...)
}

// event reads what older and newer reporters write in fields of their own.
func (l *look) event(e *corev1.Event) enriched.Event {
	told := enriched.Event{
		Type: code(e.Type), Reason: code(e.Reason), Message: l.text(e.Message), Count: max(e.Count, 1),
		Object: e.InvolvedObject.Kind + " " + e.InvolvedObject.Namespace + "/" + e.InvolvedObject.Name,
	}
	first := []metav1.Time{e.FirstTimestamp, {Time: e.EventTime.Time}, e.CreationTimestamp}
	last := []metav1.Time{e.LastTimestamp, {Time: e.EventTime.Time}, e.CreationTimestamp}
	if e.Series != nil {
		told.Count = max(e.Series.Count, told.Count)
		last = append([]metav1.Time{{Time: e.Series.LastObservedTime.Time}}, last...)
	}
	told.First, told.Last = when(cmp.Or(first...)), when(cmp.Or(last...))
	return told
}

func unix(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixNano()
}
