package lint

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function/cluster"
)

// In asks the cluster of a kubeconfig file for objects. It needs get on what Triggers name.
func In(kubeconfig string) (Exists, error) {
	client, err := cluster.Open(kubeconfig, "")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, r Reference) (bool, error) {
		// The resource of a kind, as Knative guesses it when it resolves a reference.
		resource, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind})
		objects, err := client.Resource(resource, r.Namespace)
		if err != nil {
			return false, err
		}
		_, err = objects.Get(ctx, r.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look for %s in the cluster: %w", r, err)
		}
		return true, nil
	}, nil
}
