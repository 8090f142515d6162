package main

import (
	"context"
	"strings"
	"syscall"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// What a test may rely on beyond storing objects.
func TestKubernetesWorks(t *testing.T) {
	s := start(t)
	client := s.client(t)
	for name, test := range map[string]func(*testing.T, *kubernetes.Clientset, string){
		"version":          wantVersion,
		"service-account":  wantServiceAccount,
		"authorization":    wantAuthorization,
		"job":              wantJobWithPod,
		"delete-namespace": wantNamespaceDeleted,
	} {
		t.Run(name, func(t *testing.T) {
			createNamespace(t, s, name)
			test(t, client, name)
		})
	}
	s.signal(t, syscall.SIGTERM)
	if code := s.exit(t); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, s.errors())
	}
}

func wantVersion(t *testing.T, client *kubernetes.Clientset, _ string) {
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(version.GitVersion, "v") {
		t.Errorf("version %q", version.GitVersion)
	}
}

func wantServiceAccount(t *testing.T, client *kubernetes.Clientset, namespace string) {
	eventually(t, "default service account", func(ctx context.Context) bool {
		_, err := client.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
}

func wantAuthorization(t *testing.T, client *kubernetes.Clientset, namespace string) {
	review, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User:               "system:serviceaccount:" + namespace + ":default",
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "list", Resource: "secrets"},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if review.Status.Allowed {
		t.Error("an account without a role may list secrets")
	}
}

// The Job controller makes the Pod, the garbage collector removes it with the Job.
func wantJobWithPod(t *testing.T, client *kubernetes.Clientset, namespace string) {
	wantServiceAccount(t, client, namespace)
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "cleanup"},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "cleanup", Image: "example.com/cleanup:1"}},
		}}},
	}
	if _, err := client.BatchV1().Jobs(namespace).Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pods := func(ctx context.Context) int {
		list, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return -1
		}
		return len(list.Items)
	}
	eventually(t, "pod of the job", func(ctx context.Context) bool { return pods(ctx) == 1 })
	background := metav1.DeletePropagationBackground
	if err := client.BatchV1().Jobs(namespace).Delete(t.Context(), "cleanup", metav1.DeleteOptions{
		PropagationPolicy: &background,
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "pod to go with the job", func(ctx context.Context) bool { return pods(ctx) == 0 })
}

func wantNamespaceDeleted(t *testing.T, client *kubernetes.Clientset, namespace string) {
	if err := client.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "namespace to go", func(ctx context.Context) bool {
		_, err := client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}
