package imagepatcher

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// templateOf is the pod template of a workload, or of a revision of one.
func templateOf(object map[string]any) (*corev1.PodTemplateSpec, error) {
	part, ok, err := unstructured.NestedMap(object, "spec", "template")
	if err != nil || !ok {
		return nil, fmt.Errorf("read spec.template: not there (%w)", err)
	}
	template := &corev1.PodTemplateSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(part, template); err != nil {
		return nil, fmt.Errorf("read spec.template: %w", err)
	}
	return template, nil
}

// The lists that a container may be in.
const (
	containers     = "containers"
	initContainers = "initContainers"
)

// imageOf is the image of a container by its name, and the list that it is in.
// Names are one container's alone over both lists.
func imageOf(spec *corev1.PodSpec, container string) (image, list string, ok bool) {
	for list, all := range map[string][]corev1.Container{containers: spec.Containers, initContainers: spec.InitContainers} {
		for i := range all {
			if all[i].Name == container {
				return all[i].Image, list, true
			}
		}
	}
	return "", "", false
}

// waitsFor is why a container of a pod waits; empty where it does not.
func waitsFor(pod *corev1.Pod, container string) string {
	for _, all := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range all {
			if all[i].Name == container && all[i].State.Waiting != nil {
				return all[i].State.Waiting.Reason
			}
		}
	}
	return ""
}

// pullFails are the kubelet's reasons that another image may mend. (With
// ErrImageNeverPull no image is pulled at all.)
var pullFails = map[string]bool{"ErrImagePull": true, "ImagePullBackOff": true, "InvalidImageName": true}
