package jobresults

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// deciding is the pod and the container that tell most of how the Job ended, and
// the container's end, nil where it has none. Of the pods the last that ended as
// the Job did; of its containers the first that failed, else the first.
func deciding(pods []corev1.Pod, failed bool) (pod, container string, end *corev1.ContainerStateTerminated) {
	if len(pods) == 0 {
		return "", "", nil
	}
	want := corev1.PodSucceeded
	if failed {
		want = corev1.PodFailed
	}
	p := slices.MaxFunc(pods, func(a, b corev1.Pod) int {
		return cmp.Or(
			cmp.Compare(truth(a.Status.Phase == want), truth(b.Status.Phase == want)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			cmp.Compare(a.Name, b.Name),
		)
	})
	statuses := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
	for _, s := range statuses {
		if t := terminated(s); t != nil && t.ExitCode != 0 {
			return p.Name, s.Name, t
		}
	}
	first := p.Spec.Containers[0].Name
	for _, s := range statuses {
		if s.Name == first {
			end = terminated(s)
		}
	}
	return p.Name, first, end
}

// terminated is a container's end: this run's, or that of the run before where it
// was started again.
func terminated(s corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if s.State.Terminated != nil {
		return s.State.Terminated
	}
	return s.LastTerminationState.Terminated
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
