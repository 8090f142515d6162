package enricher

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/target"
)

// Reasons that Kubernetes has no code of its own for.
const (
	reasonNotReady = "NodeNotReady"
	oomKilled      = "OOMKilled"
)

// passing are the reasons for which every container waits for a while.
var passing = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

// reason is the one code that tells most, and a sentence with it: what the pod or its
// containers say, else the newest warning about them, else what the owner and at last
// what the node says. For an alert about a node that comes first.
func (l *look) reason() (reason, message string) {
	if l.pod != nil {
		if reason, message = l.podReason(l.pod, l.alert.Labels["container"]); reason != "" {
			return code(reason), l.text(message)
		}
	}
	if l.pod == nil || !ready(l.pod) { // what is well has had warnings, too
		for _, e := range l.told.Events {
			if e.Type == corev1.EventTypeWarning {
				return e.Reason, e.Object + ": " + e.Message
			}
		}
	}
	if reason, message = l.ownerReason(); reason != "" {
		return reason, message
	}
	return nodeReason(l.told.Node)
}

// podReason reads a pod's status; of its containers the one of this name comes first.
func (l *look) podReason(pod *corev1.Pod, container string) (reason, message string) {
	at := fmt.Sprintf("Pod %s/%s", pod.Namespace, pod.Name)
	if s := pod.Status; s.Phase == corev1.PodFailed && s.Reason != "" {
		return s.Reason, at + ": " + cmp.Or(s.Message, s.Reason)
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason != "" {
			return c.Reason, at + " is on no node: " + cmp.Or(c.Message, c.Reason)
		}
	}
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	slices.SortStableFunc(statuses, func(a, b corev1.ContainerStatus) int {
		return cmp.Compare(truth(b.Name == container), truth(a.Name == container))
	})
	for _, s := range statuses {
		if reason, message = l.containerReason(s); reason != "" {
			return reason, fmt.Sprintf("container %s of %s %s", s.Name, at, message)
		}
	}
	return "", ""
}

// containerReason reads a container's status. That memory ran out tells more than
// that it waits to be started again; how a run ended that was followed by one that
// is well tells nothing, unless it ran out of memory just now.
func (l *look) containerReason(s corev1.ContainerStatus) (reason, message string) {
	last, waits, ended := s.LastTerminationState.Terminated, s.State.Waiting, s.State.Terminated
	switch {
	case ended != nil && ended.ExitCode != 0:
		return cmp.Or(ended.Reason, "Error"), how(ended)
	case last != nil && last.Reason == oomKilled && ended == nil && (!s.Ready || l.o.Now().Sub(last.FinishedAt.Time) < longSince):
		return oomKilled, how(last)
	case waits != nil && !passing[waits.Reason]:
		return waits.Reason, "waits: " + cmp.Or(waits.Message, waits.Reason)
	case last != nil && last.ExitCode != 0 && ended == nil && !s.Ready:
		return cmp.Or(last.Reason, "Error"), how(last)
	}
	return "", ""
}

func how(t *corev1.ContainerStateTerminated) string {
	return fmt.Sprintf("ended with exit code %d (%s)", t.ExitCode, cmp.Or(t.Reason, "Error"))
}

// ownerReason is why what owns the pods does not get on.
func (l *look) ownerReason() (reason, message string) {
	if l.told.Owner == nil {
		return "", ""
	}
	bad := map[string]string{"Progressing": "False", "ReplicaFailure": "True", "Failed": "True"}
	for _, c := range l.told.Owner.Conditions {
		if bad[c.Type] == c.Status && c.Reason != "" {
			return c.Reason, fmt.Sprintf("%s: %s", l.found, cmp.Or(c.Message, c.Reason))
		}
	}
	return "", ""
}

// nodeReason is what is wrong with a node.
func nodeReason(n *enriched.Node) (reason, message string) {
	if n == nil {
		return "", ""
	}
	for _, c := range n.Conditions {
		switch {
		case c.Type == string(corev1.NodeReady) && c.Status != string(corev1.ConditionTrue):
			return reasonNotReady, fmt.Sprintf("%s %s: %s", target.Node, n.Name, cmp.Or(c.Message, c.Reason, "it is not ready"))
		case c.Type != string(corev1.NodeReady) && c.Status == string(corev1.ConditionTrue): // MemoryPressure, DiskPressure, …
			return c.Type, fmt.Sprintf("%s %s: %s", target.Node, n.Name, cmp.Or(c.Message, c.Reason, c.Type))
		}
	}
	return "", ""
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
