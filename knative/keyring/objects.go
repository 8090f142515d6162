package keyring

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	secrets    = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	kinds      = map[schema.GroupVersionResource]string{secrets: "Secret", configMaps: "ConfigMap"}
)

// get reads an object; nil where there is none.
func get[T any](ctx context.Context, r *Ring, gvr schema.GroupVersionResource, name string) (*T, error) {
	objects, err := r.Client.Resource(gvr, r.Client.Namespace())
	if err != nil {
		return nil, err
	}
	o, err := objects.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s %s: %w", kinds[gvr], name, err)
	}
	typed := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, typed); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", kinds[gvr], name, err)
	}
	return typed, nil
}

// write creates an object that was not read from the cluster, or updates one that
// was, unless somebody else has changed it since.
func (r *Ring) write(ctx context.Context, gvr schema.GroupVersionResource, typed metav1.Object) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return fmt.Errorf("encode %s: %w", typed.GetName(), err)
	}
	o := &unstructured.Unstructured{Object: content}
	o.SetAPIVersion("v1")
	o.SetKind(kinds[gvr])
	objects, err := r.Client.Resource(gvr, r.Client.Namespace())
	if err != nil {
		return err
	}
	var dry []string
	if r.DryRun {
		dry = []string{metav1.DryRunAll}
	}
	verb := "create"
	if o.GetResourceVersion() == "" {
		o, err = objects.Create(ctx, o, metav1.CreateOptions{DryRun: dry})
	} else {
		verb = "update"
		o, err = objects.Update(ctx, o, metav1.UpdateOptions{DryRun: dry})
	}
	switch {
	case apierrors.IsConflict(err):
		return fmt.Errorf("somebody else has changed it meanwhile; run it again: %s %s %s: %w", verb, kinds[gvr], typed.GetName(), err)
	case err != nil:
		return fmt.Errorf("%s %s %s: %w", verb, kinds[gvr], typed.GetName(), err)
	}
	typed.SetResourceVersion(o.GetResourceVersion())
	return nil
}
