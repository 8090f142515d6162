package jobresults

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quench-dev/quench/function"
)

var (
	jobResource = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	podResource = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// What job-runner writes on its Jobs.
const (
	labelManagedBy     = "app.kubernetes.io/managed-by"
	labelFunction      = "quench.dev/function"
	labelCorrelationID = "quench.dev/correlation-id"
	labelFingerprint   = "quench.dev/fingerprint"
)

// ours says whether job-runner made the Job, for an event that it names.
func ours(job *batchv1.Job) bool {
	return job.Labels[labelManagedBy] == "quench" && job.Labels[labelFunction] == "job-runner" &&
		job.Annotations[function.AnnotationEventID] != ""
}

// ended is how a Job ended: the condition that says so, if it has.
func ended(job *batchv1.Job) (batchv1.JobCondition, bool) {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c, true
		}
	}
	return batchv1.JobCondition{}, false
}

// cluster is the few calls that job-results makes. Errors are the API's own.
type cluster struct{ client Client }

func (c cluster) job(ctx context.Context, which types.NamespacedName) (*batchv1.Job, error) {
	jobs, err := c.client.Resource(jobResource, which.Namespace)
	if err != nil {
		return nil, err
	}
	o, err := jobs.Get(ctx, which.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	job := &batchv1.Job{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, job); err != nil {
		return nil, fmt.Errorf("read job: %w", err)
	}
	return job, nil
}

// pods are those that the Job's controller made. Labels can be anybody's, so the
// owner is what counts.
func (c cluster) pods(ctx context.Context, job *batchv1.Job) ([]corev1.Pod, error) {
	resource, err := c.client.Resource(podResource, job.Namespace)
	if err != nil {
		return nil, err
	}
	with := labels.Set{batchv1.ControllerUidLabel: string(job.UID)}
	list, err := resource.List(ctx, metav1.ListOptions{LabelSelector: with.String()})
	if err != nil {
		return nil, err
	}
	var pods []corev1.Pod
	for i := range list.Items {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &pod); err != nil {
			return nil, fmt.Errorf("read pod: %w", err)
		}
		if metav1.IsControlledBy(&pod, job) {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}
