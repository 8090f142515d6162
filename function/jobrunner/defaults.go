package jobrunner

import (
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// nobody is the user and group of Jobs that name none: an image that would run
// as root must not keep its Job waiting for ever.
const nobody = int64(65532)

func requests() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("50m"),
		corev1.ResourceMemory: resource.MustParse("64Mi"),
	}
}

// limitResources gives each container without any resources the defaults.
func limitResources(pod *corev1.PodSpec) {
	eachContainer(pod, func(c *corev1.Container) {
		r := &c.Resources
		if len(r.Requests) == 0 && len(r.Limits) == 0 && len(r.Claims) == 0 {
			r.Requests = requests()
			r.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")}
		}
	})
}

// harden gives a pod that has no security context anywhere the one of Pod
// Security's level "restricted", or as much of it as h says. Who wrote one has
// thought about it, and gets what he wrote.
func harden(pod *corev1.PodSpec, h hardening) {
	has := pod.SecurityContext != nil && !reflect.DeepEqual(*pod.SecurityContext, corev1.PodSecurityContext{})
	eachContainer(pod, func(c *corev1.Container) { has = has || c.SecurityContext != nil })
	if has || (pod.OS != nil && pod.OS.Name == corev1.Windows) {
		return
	}
	yes, no, user := true, false, nobody
	pod.SecurityContext = &corev1.PodSecurityContext{
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if h == restricted {
		pod.SecurityContext.RunAsNonRoot = &yes
		pod.SecurityContext.RunAsUser = &user
		pod.SecurityContext.RunAsGroup = &user
	}
	eachContainer(pod, func(c *corev1.Container) {
		c.SecurityContext = &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no,
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}
	})
}

func eachContainer(pod *corev1.PodSpec, do func(*corev1.Container)) {
	for i := range pod.InitContainers {
		do(&pod.InitContainers[i])
	}
	for i := range pod.Containers {
		do(&pod.Containers[i])
	}
}
