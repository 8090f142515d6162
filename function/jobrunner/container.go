package jobrunner

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// containerName is what the one container of a rule with an image is called.
const containerName = "job"

// template is the Job of a rule that names an image. The service account's token
// is mounted only where the rule names an account.
func (j *job) template(old bool) *batchv1.JobTemplateSpec {
	mount := j.ServiceAccountName != ""
	c := corev1.Container{Name: containerName, Image: j.Container.reference(), Command: plainTexts(j.Command), Args: plainTexts(j.Args)}
	switch {
	case j.Resources != nil:
		c.Resources = *j.Resources
	case old:
		c.Resources.Requests = requests() // Bailer's Jobs knew no limit
	}
	return &batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Containers:                   []corev1.Container{c},
		ServiceAccountName:           string(j.ServiceAccountName),
		AutomountServiceAccountToken: &mount,
	}}}}
}
