package rollback

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// mostRevisions bounds what is read of an object's history; Kubernetes keeps 10
// unless revisionHistoryLimit says more.
const mostRevisions = 500

var (
	replicaSets         = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	controllerRevisions = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "controllerrevisions"}
)

// cluster is the few calls that rollback makes. Errors are the API's own, but for
// those of list.
type cluster struct{ client target.Client }

func (c cluster) get(ctx context.Context, r schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	client, err := c.client.Resource(r, namespace)
	if err != nil {
		return nil, err
	}
	return client.Get(ctx, name, metav1.GetOptions{})
}

func (c cluster) patch(ctx context.Context, r schema.GroupVersionResource, namespace, name string, kind types.PatchType, patch []byte) error {
	client, err := c.client.Resource(r, namespace)
	if err != nil {
		return err
	}
	_, err = client.Patch(ctx, name, kind, patch, metav1.PatchOptions{FieldManager: "quench-" + Name})
	return err
}

// owned lists what an object controls among the objects that its selector selects.
func (c cluster) owned(ctx context.Context, r schema.GroupVersionResource, of *unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	selector, err := selectorOf(of)
	if err != nil {
		return nil, function.Fail(function.ReasonInvalid, "read selector of %s/%s: %w", of.GetNamespace(), of.GetName(), err)
	}
	client, err := c.client.Resource(r, of.GetNamespace())
	if err != nil {
		return nil, function.Retry(err)
	}
	verb := "list " + r.Resource + " in " + of.GetNamespace()
	list, err := client.List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: mostRevisions})
	if err != nil {
		return nil, function.FromAPI(verb, err)
	}
	if list.GetContinue() != "" {
		return nil, function.Fail(function.ReasonInvalid, "%s: more than %d belong to %s", verb, mostRevisions, of.GetName())
	}
	var own []unstructured.Unstructured
	for i := range list.Items {
		if ref := metav1.GetControllerOf(&list.Items[i]); ref != nil && ref.UID == of.GetUID() {
			own = append(own, list.Items[i])
		}
	}
	return own, nil
}

func selectorOf(o *unstructured.Unstructured) (string, error) {
	m, found, err := unstructured.NestedMap(o.Object, "spec", "selector")
	if err != nil || !found {
		return "", fmt.Errorf("want spec.selector (%w)", err)
	}
	var s metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(m, &s); err != nil {
		return "", err
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		return "", err
	}
	return selector.String(), nil
}
