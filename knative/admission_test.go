package knative_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// resources are the plurals of all kinds that are installed but Serving's, whose definition is not in a module that this
// one requires: the tests on a cluster with Knative check it.
var resources = map[string]string{
	"Namespace": "namespaces", "ServiceAccount": "serviceaccounts", "ConfigMap": "configmaps", "CustomResourceDefinition": "customresourcedefinitions",
	"Role": "roles", "ClusterRole": "clusterroles", "RoleBinding": "rolebindings", "NetworkPolicy": "networkpolicies",
	"Pod": "pods", "Broker": "brokers", "Trigger": "triggers", "SinkBinding": "sinkbindings",
	"ApiServerSource": "apiserversources",
}

// installEventing brings Knative Eventing's definitions, where the cluster has none.
func installEventing(t *testing.T, config *rest.Config) {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "knative.dev/eventing").Output()
	if err != nil {
		t.Fatalf("find knative.dev/eventing: %v", err)
	}
	folder := filepath.Join(strings.TrimSpace(string(out)), "config", "core", "resources")
	client := dynamic.NewForConfigOrDie(config).Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, file := range []string{"broker.yaml", "trigger.yaml", "sinkbindings.yaml", "apiserversource.yaml"} {
		name := read(t, filepath.Join(folder, file))[0].GetName()
		if _, err := client.Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			continue // the cluster's own, with its webhooks
		}
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		kube.Apply(t, config, text)
	}
}

// The API server takes every object as it is: no field that it does not know, no value that it refuses.
func TestAPIServerTakesEverything(t *testing.T) {
	config := kube.Start(t)
	installEventing(t, config)
	namespace := kube.Namespace(t, config)
	// Pods are refused without it, and a dry run makes none.
	kube.Apply(t, config, []byte("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: keys, namespace: "+namespace+"}\n"))
	client := dynamic.NewForConfigOrDie(config)
	try := func(t *testing.T, objects []*unstructured.Unstructured) {
		for _, o := range objects {
			plural, ok := resources[o.GetKind()]
			if isService(o) {
				continue
			}
			if !ok {
				t.Errorf("%s %s is of a kind that this test does not know", o.GetKind(), o.GetName())
				continue
			}
			gvk := o.GroupVersionKind()
			var at dynamic.ResourceInterface = client.Resource(gvk.GroupVersion().WithResource(plural))
			if o.GetNamespace() != "" {
				o.SetNamespace(namespace)
				at = client.Resource(gvk.GroupVersion().WithResource(plural)).Namespace(namespace)
			}
			text, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			force := true
			if _, err := at.Patch(t.Context(), o.GetName(), types.ApplyPatchType, text, metav1.PatchOptions{
				FieldManager: "quench-tests", Force: &force, DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
			}); err != nil {
				t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
			}
		}
	}
	each(t, try)
	t.Run("samples/site/in-shop.yaml", func(t *testing.T) { try(t, read(t, "samples/site/in-shop.yaml")) })
	t.Run(notifierSample, func(t *testing.T) { try(t, build(t, notifierSample)) })
}

// The pods run where Pod Security enforces "restricted", and with them queue-proxy, which
// Knative adds with the same security context.
func TestPodSecurityRestrictedTakesThePods(t *testing.T) {
	config := kube.Start(t)
	client := kubernetes.NewForConfigOrDie(config)
	namespace := kube.Namespace(t, config)
	enforce := []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`)
	if _, err := client.CoreV1().Namespaces().Patch(t.Context(), namespace, types.MergePatchType, enforce, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	create := func(ctx context.Context, spec *corev1.PodSpec) error {
		_, err := client.CoreV1().Pods(namespace).Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "p-"}, Spec: *spec},
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
		return err
	}
	kube.Eventually(t, "Pod Security to be enforced", func(ctx context.Context) error {
		err := create(ctx, &corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}})
		if err == nil {
			return errors.New("a pod without a security context is not forbidden")
		}
		if !apierrors.IsForbidden(err) {
			return fmt.Errorf("a pod without a security context is not forbidden but: %w", err)
		}
		return nil
	})
	for _, o := range append(build(t, "overlays/standard"), build(t, notifierSample)...) {
		var spec *corev1.PodSpec
		switch {
		case isService(o):
			spec = pod(t, o)
		case o.GetKind() == "Pod":
			spec = into[corev1.PodSpec](t, o, "spec")
		default:
			continue
		}
		spec.ServiceAccountName = "" // it does not exist here
		c := &spec.Containers[0]
		c.ReadinessProbe, c.LivenessProbe = nil, nil // Knative fills in their ports
		if err := create(t.Context(), spec); err != nil {
			t.Errorf("%s: %v", o.GetName(), err)
		}
	}
}
