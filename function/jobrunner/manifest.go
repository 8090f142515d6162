package jobrunner

import (
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// manifest is a Job for people to read, in records and outcome events. The
// alert's variables are left out, since the alert stands beside it, and so are
// the values of the template's own: they may be secret.
func manifest(job *batchv1.Job) string {
	job = job.DeepCopy()
	eachContainer(&job.Spec.Template.Spec, func(c *corev1.Container) {
		var own []corev1.EnvVar
		for _, v := range c.Env {
			switch {
			case v.ValueFrom != nil:
				own = append(own, v)
			case !strings.HasPrefix(v.Name, "ALERT_"):
				own = append(own, corev1.EnvVar{Name: v.Name, Value: "(left out)"})
			}
		}
		c.Env = own
	})
	text, err := yaml.Marshal(job)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(string(text), "status: {}\n")
}
