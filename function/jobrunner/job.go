package jobrunner

import (
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// The labels and annotations that lead from a Job, and from its pods, back to
// the event. A value that a label cannot hold is hashed there and stands whole in
// the annotation.
const (
	labelManagedBy     = "app.kubernetes.io/managed-by"
	labelFunction      = "quench.dev/function"
	labelRule          = "quench.dev/rule"
	labelEventID       = "quench.dev/event-id"
	labelCorrelationID = "quench.dev/correlation-id"
	labelFingerprint   = "quench.dev/fingerprint"

	annotationAlert     = function.AnnotationAlertname
	annotationRule      = "quench.dev/rule"
	annotationEventID   = function.AnnotationEventID
	annotationRecorded  = "quench.dev/recorded-time"
	annotationTrace     = function.AnnotationTraceParent
	annotationGenerator = "quench.dev/generator-url"
	annotationLeftOut   = "quench.dev/left-out"
)

// maxAnnotation bounds an annotation that somebody else wrote.
const maxAnnotation = 4 << 10

// build makes the Job of a rule for an alert. template is copied.
func build(r *Rule, template *batchv1.JobTemplateSpec, req *function.Request, namespace string, recorded time.Time) *batchv1.Job {
	template = template.DeepCopy()
	job := &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Labels: template.Labels, Annotations: template.Annotations, Finalizers: template.Finalizers},
		Spec:       template.Spec,
	}
	job.Name, job.Namespace = jobName(r, req.EventID, recorded), namespace
	if job.Spec.BackoffLimit == nil && job.Spec.PodFailurePolicy == nil && job.Spec.BackoffLimitPerIndex == nil {
		none := int32(0)
		job.Spec.BackoffLimit = &none
	}
	if r.TTL != nil {
		job.Spec.TTLSecondsAfterFinished = r.TTL
	}
	pod := &job.Spec.Template.Spec
	if pod.RestartPolicy == "" {
		pod.RestartPolicy = corev1.RestartPolicyNever
	}
	if r.CronJob == "" {
		limitResources(pod)
		if pod.ServiceAccountName == "" && pod.AutomountServiceAccountToken == nil {
			no := false
			pod.AutomountServiceAccountToken = &no
		}
	}
	harden(pod, r.hardening)
	left := addEnvironment(pod, req.Alert)
	mark(job, r, req, recorded, left)
	return job
}

// mark labels the Job and its pods.
func mark(job *batchv1.Job, r *Rule, req *function.Request, recorded time.Time, left []string) {
	labels := rulesLabels(req.Function, r)
	labels[labelEventID] = labelValue(req.EventID)
	labels[labelCorrelationID] = req.CorrelationID
	labels[labelFingerprint] = labelValue(req.Alert.Fingerprint)
	annotations := map[string]string{
		annotationAlert:    cut(req.Alert.Name()),
		annotationRule:     r.Name,
		annotationEventID:  cut(req.EventID),
		annotationRecorded: recorded.UTC().Format(time.RFC3339Nano),
	}
	if trace := alert.EventTrace(req.Event); trace.Valid() {
		annotations[annotationTrace] = trace.Parent()
	}
	if req.Alert.GeneratorURL != "" {
		annotations[annotationGenerator] = cut(req.Alert.GeneratorURL)
	}
	if len(left) > 0 {
		annotations[annotationLeftOut] = cut(strings.Join(left, ","))
	}
	for _, o := range []*metav1.ObjectMeta{&job.ObjectMeta, &job.Spec.Template.ObjectMeta} {
		o.Labels = over(o.Labels, labels)
		o.Annotations = over(o.Annotations, annotations)
	}
}

// rulesLabels select the Jobs of a rule.
func rulesLabels(function string, r *Rule) map[string]string {
	return map[string]string{labelManagedBy: "quench", labelFunction: function, labelRule: labelValue(r.Name)}
}

func over(below, above map[string]string) map[string]string {
	both := make(map[string]string, len(below)+len(above))
	for k, v := range below {
		both[k] = v
	}
	for k, v := range above {
		both[k] = v
	}
	return both
}

func cut(s string) string {
	if len(s) > maxAnnotation {
		return strings.ToValidUTF8(s[:maxAnnotation], "")
	}
	return s
}
