package imagepatcher

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

var (
	secretResource     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	accountResource    = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	replicaSetResource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	revisionResource   = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "controllerrevisions"}
)

// mostRevisions bounds how many a workload's history is read of. Kubernetes keeps 10
// unless it is told otherwise.
const mostRevisions = 500

// cluster is the calls that image-patcher makes. Errors are decided on.
type cluster struct{ client target.Client }

func (c cluster) get(ctx context.Context, gvr schema.GroupVersionResource, namespace, name string, into any) error {
	resource, err := c.client.Resource(gvr, namespace)
	if err != nil {
		return function.Retry(err)
	}
	o, err := resource.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return function.FromAPI(fmt.Sprintf("get %s %s/%s", gvr.Resource, namespace, name), err)
	}
	return decode(o, into)
}

// secret answers nil where there is none that may be read: the kubelet takes no
// offence either, and the registry's answer will tell.
func (c cluster) secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := c.get(ctx, secretResource, namespace, name, secret)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil
	}
	return secret, err
}

// account answers an empty one where there is none that may be read.
func (c cluster) account(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	account := &corev1.ServiceAccount{}
	err := c.get(ctx, accountResource, namespace, name, account)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return &corev1.ServiceAccount{}, nil
	}
	return account, err
}

// owned lists what a workload controls and its selector selects.
func (c cluster) owned(ctx context.Context, gvr schema.GroupVersionResource, by *unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	selector := &metav1.LabelSelector{}
	part, _, err := unstructured.NestedMap(by.Object, "spec", "selector")
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(part, selector)
	}
	if err != nil {
		return nil, fmt.Errorf("read spec.selector: %w", err)
	}
	resource, err := c.client.Resource(gvr, by.GetNamespace())
	if err != nil {
		return nil, function.Retry(err)
	}
	list, err := resource.List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(selector), Limit: mostRevisions})
	if err != nil {
		return nil, function.FromAPI("list "+gvr.Resource+" in "+by.GetNamespace(), err)
	}
	var all []unstructured.Unstructured
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], by) {
			all = append(all, list.Items[i])
		}
	}
	return all, nil
}

// patch merges into a workload as kubectl patch does.
func (c cluster) patch(ctx context.Context, found *target.Found, body []byte) (*unstructured.Unstructured, error) {
	resource, err := c.client.Resource(found.Resource, found.Namespace)
	if err != nil {
		return nil, function.Retry(err)
	}
	o, err := resource.Patch(ctx, found.Name, types.StrategicMergePatchType, body, metav1.PatchOptions{FieldManager: "quench-" + Name})
	return o, function.FromAPI("patch "+found.String(), err)
}

func decode(o *unstructured.Unstructured, into any) error {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
		return fmt.Errorf("read %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
	return nil
}
