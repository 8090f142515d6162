package knative_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"knative.dev/eventing/pkg/apis/sources"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/function/mask"
	"github.com/quench-dev/quench/tests/kube"
)

// job-results, as its ServiceAccount, reads all that it tells, and could read nothing else.
func TestJobResultsHasTheRightsThatItUses(t *testing.T) {
	w := functiontest.New(t)
	granted := grant(t, w, jobresults.Name, build(t, "overlays/standard"))
	job := "apiVersion: batch/v1\nkind: Job\nmetadata: {name: ours, namespace: " + w.Namespace + ", labels: {app.kubernetes.io/managed-by: quench, " +
		"quench.dev/function: job-runner}, annotations: {quench.dev/event-id: e1}}\nspec: {backoffLimit: 0, " +
		"template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}\n"
	kube.Apply(t, w.Config, []byte(job))
	endPod(t, w, "ours")

	used := &usage{}
	f := function.Listening(jobresults.New(used.client(w, jobresults.Name, nil), &mask.Masker{}), function.Options{})
	e := event.New()
	e.SetID("e1")
	e.SetSource("/")
	e.SetType(sources.ApiServerSourceUpdateRefEventType)
	reference := map[string]string{"apiVersion": "batch/v1", "kind": "Job", "namespace": w.Namespace, "name": "ours"}
	if err := e.SetData(event.ApplicationJSON, reference); err != nil {
		t.Fatal(err)
	}
	functiontest.Handle(t, f, e).Want(t, function.Failed, "BackoffLimitExceeded")
	if got := used.sorted(); !slices.Equal(got, granted) {
		t.Errorf("it uses  %v\nit may do %v", got, granted)
	}
}

// endPod says that a Job's pod has failed, as a kubelet would, and waits until the Job has.
func endPod(t *testing.T, w *functiontest.World, name string) {
	t.Helper()
	client := kubernetes.NewForConfigOrDie(w.Config)
	kube.Eventually(t, "Job "+name+" to fail", func(ctx context.Context) error {
		pods, err := client.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + name})
		if err != nil {
			return err
		}
		for i := range pods.Items {
			pods.Items[i].Status.Phase = corev1.PodFailed
			if _, err := client.CoreV1().Pods(w.Namespace).UpdateStatus(ctx, &pods.Items[i], metav1.UpdateOptions{}); err != nil {
				return err
			}
		}
		job, err := client.BatchV1().Jobs(w.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err == nil && !slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool { return c.Type == batchv1.JobFailed }) {
			err = fmt.Errorf("conditions are %v", job.Status.Conditions)
		}
		return err
	})
}
