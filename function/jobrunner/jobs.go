package jobrunner

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

var (
	jobResource     = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	cronJobResource = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}
)

// Client reaches the API server.
type Client interface {
	Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error)
	Namespace() string
}

// cluster is the few calls that job-runner makes. Errors are the API's own.
type cluster struct{ client Client }

// create makes a Job and answers its uid.
func (c cluster) create(ctx context.Context, job *batchv1.Job) (uid string, err error) {
	jobs, err := c.client.Resource(jobResource, job.Namespace)
	if err != nil {
		return "", err
	}
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(job)
	if err != nil {
		return "", fmt.Errorf("encode job: %w", err)
	}
	made, err := jobs.Create(ctx, &unstructured.Unstructured{Object: m}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return string(made.GetUID()), nil
}

func (c cluster) get(ctx context.Context, namespace, name string) (*batchv1.Job, error) {
	jobs, err := c.client.Resource(jobResource, namespace)
	if err != nil {
		return nil, err
	}
	o, err := jobs.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	job := &batchv1.Job{}
	return job, runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, job)
}

// unfinished lists the Jobs with these labels that are neither over nor being
// deleted.
func (c cluster) unfinished(ctx context.Context, namespace string, with map[string]string) ([]string, error) {
	jobs, err := c.client.Resource(jobResource, namespace)
	if err != nil {
		return nil, err
	}
	list, err := jobs.List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(with).String()})
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range list.Items {
		var job batchv1.Job
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &job); err != nil {
			return nil, fmt.Errorf("read job: %w", err)
		}
		if job.DeletionTimestamp == nil && !finished(&job) {
			names = append(names, job.Name)
		}
	}
	return names, nil
}

func finished(job *batchv1.Job) bool {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}

// remove deletes a Job; its pods follow in the background.
func (c cluster) remove(ctx context.Context, namespace, name string) error {
	jobs, err := c.client.Resource(jobResource, namespace)
	if err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	return jobs.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &background})
}

func (c cluster) cronJobTemplate(ctx context.Context, namespace, name string) (*batchv1.JobTemplateSpec, error) {
	cronJobs, err := c.client.Resource(cronJobResource, namespace)
	if err != nil {
		return nil, err
	}
	o, err := cronJobs.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	var cron batchv1.CronJob
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &cron); err != nil {
		return nil, fmt.Errorf("read cronjob: %w", err)
	}
	return &cron.Spec.JobTemplate, nil
}
