package enricher

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function/enriched"
)

// mostContainers bounds how many containers of a pod are told.
const mostContainers = 20

// The states of containers.
const (
	stateWaiting    = "waiting"
	stateRunning    = "running"
	stateTerminated = "terminated"
)

// tellPod tells the pod's status, and its containers'.
func (l *look) tellPod() {
	p := l.pod
	l.told.Pod = &enriched.Pod{
		Namespace: p.Namespace, Name: p.Name, Phase: string(p.Status.Phase), Reason: code(p.Status.Reason), Message: l.text(p.Status.Message),
		Node: p.Spec.NodeName, Restarts: restarts(p), CreatedAt: when(p.CreationTimestamp), DeletedAt: whenever(p.DeletionTimestamp),
	}
	for _, c := range p.Status.Conditions {
		if c.Status != corev1.ConditionTrue && c.Type != corev1.DisruptionTarget {
			l.told.Pod.Conditions = append(l.told.Pod.Conditions, enriched.Condition{
				Type: string(c.Type), Status: string(c.Status), Reason: code(c.Reason), Message: l.text(c.Message), Since: when(c.LastTransitionTime),
			})
		}
	}
	l.containers(p.Spec.InitContainers, p.Status.InitContainerStatuses, true)
	l.containers(p.Spec.Containers, p.Status.ContainerStatuses, false)
	if more := len(l.told.Containers) - mostContainers; more > 0 {
		l.told.Containers = l.told.Containers[:mostContainers]
		l.miss(partContainers, fmt.Errorf("%d more are not told", more))
	}
}

func (l *look) containers(specs []corev1.Container, statuses []corev1.ContainerStatus, init bool) {
	for _, spec := range specs {
		c := enriched.Container{Name: spec.Name, Init: init, Image: spec.Image, State: stateWaiting}
		at := slices.IndexFunc(statuses, func(s corev1.ContainerStatus) bool { return s.Name == spec.Name })
		if at >= 0 {
			l.container(&c, statuses[at])
		}
		l.told.Containers = append(l.told.Containers, c)
	}
}

func (l *look) container(c *enriched.Container, s corev1.ContainerStatus) {
	c.Ready, c.Restarts = s.Ready, s.RestartCount
	switch now := s.State; {
	case now.Running != nil:
		c.State, c.Since = stateRunning, when(now.Running.StartedAt)
	case now.Terminated != nil:
		t := now.Terminated
		c.State, c.Reason, c.Message, c.ExitCode, c.Since = stateTerminated, code(t.Reason), l.text(t.Message), &t.ExitCode, when(t.FinishedAt)
	case now.Waiting != nil:
		c.Reason, c.Message = code(now.Waiting.Reason), l.text(now.Waiting.Message)
	}
	if t := s.LastTerminationState.Terminated; t != nil {
		c.Last = &enriched.Ended{
			Reason: code(t.Reason), Message: l.text(t.Message), ExitCode: t.ExitCode, Signal: t.Signal,
			StartedAt: when(t.StartedAt), FinishedAt: when(t.FinishedAt),
		}
	}
}

func when(t metav1.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	at := t.UTC()
	return &at
}

func whenever(t *metav1.Time) *time.Time {
	if t == nil {
		return nil
	}
	return when(*t)
}
