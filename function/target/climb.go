package target

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function"
)

// climb goes from an object to what controls it, as far as the kinds are known,
// and not past one that the function acts on only there: a Pod's Job is read
// even where only Deployments are acted on, its CronJob is not.
func (s *search) climb(ctx context.Context, kind Kind, o *unstructured.Unstructured) (*Found, error) {
	found := &Found{}
	for {
		if kind == Pod {
			found.PodObject = o
		}
		ref := metav1.GetControllerOf(o)
		if ref == nil {
			break
		}
		above, ours := owner(ref.APIVersion, ref.Kind)
		if !ours || above == CronJob && !slices.Contains(s.Kinds, CronJob) {
			break
		}
		up, err := s.read(ctx, above, o.GetNamespace(), ref.Name)
		if err != nil {
			return nil, err
		}
		if up == nil || up.GetUID() != ref.UID {
			return nil, s.notFound(fmt.Sprintf("%s belongs to %s, which does not exist any more",
				title(kind, o.GetNamespace(), o.GetName()), title(above, o.GetNamespace(), ref.Name)))
		}
		if kind == ReplicaSet {
			found.Through = o.GetName()
		}
		kind, o = above, up
	}
	if o.GetDeletionTimestamp() != nil && kind != Pod {
		return nil, s.notFound(title(kind, o.GetNamespace(), o.GetName()) + " is being deleted")
	}
	found.Kind, found.Resource, found.Live = kind, resources[kind], o
	found.Namespace, found.Name, found.UID = o.GetNamespace(), o.GetName(), string(o.GetUID())
	return found, nil
}

// read answers nil where there is no such object.
func (s *search) read(ctx context.Context, kind Kind, namespace, name string) (*unstructured.Unstructured, error) {
	client, err := s.Client.Resource(resources[kind], namespace)
	if err != nil {
		return nil, function.Retry(err)
	}
	o, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, function.FromAPI("get "+title(kind, namespace, name), err)
	}
	return o, nil
}
