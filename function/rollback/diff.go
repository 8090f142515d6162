package rollback

import (
	"regexp"
	"sync"

	differ "github.com/rogpeppe/go-internal/diff"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

var secret = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)PASSWORD|TOKEN|SECRET|KEY`) })

// What stands for the value of a variable that may be secret.
const (
	masked        = "(left out)"
	maskedAnother = "(left out, another value)"
)

// diff is what differs between the pod templates of two revisions, as a unified
// diff of their YAML.
func diff(from, to *revision) string {
	before, after := from.typed.DeepCopy(), to.typed.DeepCopy()
	known := map[[2]string]string{}
	eachVariable(&before.Spec, func(container string, v *corev1.EnvVar) {
		known[[2]string{container, v.Name}] = v.Value
		v.Value = masked
	})
	eachVariable(&after.Spec, func(container string, v *corev1.EnvVar) {
		old, there := known[[2]string{container, v.Name}]
		if there && old != v.Value {
			v.Value = maskedAnother
		} else {
			v.Value = masked
		}
	})
	return unified(from, to, before, after)
}

func unified(from, to *revision, before, after *corev1.PodTemplateSpec) string {
	old, err := yaml.Marshal(before)
	if err != nil {
		return err.Error()
	}
	made, err := yaml.Marshal(after)
	if err != nil {
		return err.Error()
	}
	return string(differ.Diff(from.String(), old, to.String(), made))
}

// eachVariable visits the variables that have a value that may be secret.
func eachVariable(pod *corev1.PodSpec, visit func(container string, v *corev1.EnvVar)) {
	containers := func(all []corev1.Container) {
		for i := range all {
			for j := range all[i].Env {
				if v := &all[i].Env[j]; v.Value != "" && secret().MatchString(v.Name) {
					visit(all[i].Name, v)
				}
			}
		}
	}
	containers(pod.InitContainers)
	containers(pod.Containers)
}
