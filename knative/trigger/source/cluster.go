package source

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function/cluster"
)

const (
	// clusterTimeout bounds all that is asked of a cluster.
	clusterTimeout = time.Minute
	pageSize       = 500
)

func readCluster(ctx context.Context, o Options) ([]*Object, error) {
	ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
	defer cancel()
	client, err := cluster.Open(o.Kubeconfig, o.Namespace)
	if err != nil {
		return nil, err
	}
	objects, err := list(ctx, client, Triggers, o.Namespace)
	if err != nil {
		return nil, err
	}
	for _, resource := range o.Also {
		found, err := list(ctx, client, resource, o.Namespace)
		if apierrors.IsNotFound(err) {
			continue // Knative Serving may not be there
		}
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

func list(ctx context.Context, client *cluster.Client, resource schema.GroupVersionResource, namespace string) ([]*Object, error) {
	api, err := client.Resource(resource, namespace)
	if err != nil {
		return nil, err
	}
	where := "all namespaces"
	if namespace != "" {
		where = "namespace " + namespace
	}
	var objects []*Object
	for options := (metav1.ListOptions{Limit: pageSize}); ; {
		page, err := api.List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list %s in %s of the cluster: %w", resource.GroupResource(), where, err)
		}
		for i := range page.Items {
			item := &page.Items[i]
			item.SetManagedFields(nil)
			raw, err := item.MarshalJSON()
			if err != nil {
				return nil, fmt.Errorf("list %s in %s of the cluster: %w", resource.GroupResource(), where, err)
			}
			objects = append(objects, &Object{Unstructured: item, File: "cluster", JSON: raw, Cluster: true})
		}
		if len(objects) > MaxObjects {
			return nil, fmt.Errorf("list %s in %s of the cluster: more than %d", resource.GroupResource(), where, MaxObjects)
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return objects, nil
		}
	}
}
