package imagepatcher

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/quench-dev/quench/function"
)

// failing is what an alert is about: a container of a workload and the image that
// it waits for.
type failing struct {
	container, list string
	image           string
	spec            *corev1.PodSpec // the pod's where it is there, else the template's
}

// failing says which container waits for which image, or why none does.
func (p *Patcher) failing(ctx context.Context, s step) (*failing, error) {
	container := s.found.Container
	if container == "" {
		return nil, function.Skip(ReasonNoContainer, "the alert has no label container; keep it in what its rule sums by")
	}
	template, err := templateOf(s.found.Live.Object)
	if err != nil {
		return nil, err
	}
	text, list, ok := imageOf(&template.Spec, container)
	if !ok {
		return nil, function.Skip(ReasonNoContainer, "%s has no container %q", s.found, container)
	}
	f := &failing{container: container, list: list, image: text, spec: &template.Spec}
	if s.found.PodObject != nil {
		return f, f.inPod(s)
	}
	if s.found.Through == "" {
		return f, nil
	}
	set := &appsv1.ReplicaSet{}
	if err := p.cluster.get(ctx, replicaSetResource, s.found.Namespace, s.found.Through, set); err != nil {
		return nil, err
	}
	if had, _, _ := imageOf(&set.Spec.Template.Spec, container); had != text {
		return nil, changed(s, container, had, text)
	}
	return f, nil
}

// inPod looks at the alert's own pod.
func (f *failing) inPod(s step) error {
	pod := &corev1.Pod{}
	if err := decode(s.found.PodObject, pod); err != nil {
		return err
	}
	if had, _, _ := imageOf(&pod.Spec, f.container); had != f.image {
		return changed(s, f.container, had, f.image)
	}
	if reason := waitsFor(pod, f.container); !pullFails[reason] {
		if reason == "" {
			reason = "nothing"
		}
		return function.Skip(ReasonNotFailing, "container %s of Pod %s/%s does not wait for its image; it waits for: %s", f.container, pod.Namespace, pod.Name, reason)
	}
	f.spec = &pod.Spec
	return nil
}

func changed(s step, container, had, has string) error {
	return function.Skip(ReasonAlreadyChanged, "container %s of %s has another image by now, %s; the alert's pod had %s", container, s.found, has, had)
}
