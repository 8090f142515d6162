// Package install brings what quench needs of an API server to one that has
// none of it: the embedded control plane's.
package install

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/knative"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// CRDs applies the definition of Remediation, and returns when it is served,
// after a minute at most.
func CRDs(ctx context.Context, config *rest.Config) error {
	manifest, err := knative.Base.ReadFile("base/remediations.yaml")
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict(manifest, &crd.Object); err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make Kubernetes client: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := client.Resource(definitions).Apply(ctx, crd.GetName(), crd, metav1.ApplyOptions{FieldManager: "quench", Force: true}); err != nil {
		return fmt.Errorf("apply %s: %w", crd.GetName(), err)
	}
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		now, err := client.Resource(definitions).Get(ctx, crd.GetName(), metav1.GetOptions{})
		return err == nil && established(now), nil
	})
	if err != nil {
		return fmt.Errorf("wait until %s is served: %w", crd.GetName(), err)
	}
	return nil
}

func established(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Established" && m["status"] == "True" {
			return true
		}
	}
	return false
}
