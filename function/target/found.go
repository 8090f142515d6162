package target

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function"
)

// Found is the object to act on.
type Found struct {
	Kind      Kind
	Resource  schema.GroupVersionResource
	Namespace string // empty for a Node
	Name      string
	UID       string

	Container string // the label's, if there is one
	Pod       string // the label's
	// PodObject is the alert's own pod; nil where it is gone, or the alert names
	// none.
	PodObject *unstructured.Unstructured
	// Through is the ReplicaSet between the pod, or the label replicaset, and its
	// Deployment; empty where there is none.
	Through string

	Live     *unstructured.Unstructured // the object as it was read
	Managers []function.Manager
}

// Target is the object in the form of function.Plan.Target.
func (f *Found) Target() string { return Path(f.Resource, f.Namespace, f.Name) }

// Path is an object in the form of function.Plan.Target.
func Path(r schema.GroupVersionResource, namespace, name string) string {
	parts := []string{r.Version, r.Resource, namespace, name}
	if r.Group != "" {
		parts = append([]string{r.Group}, parts...)
	}
	if namespace == "" {
		parts = append(parts[:len(parts)-2], name)
	}
	return strings.Join(parts, "/")
}

// Object names the object for function.Plan.
func (f *Found) Object() *function.Object {
	return &function.Object{
		APIVersion: f.Resource.GroupVersion().String(), Kind: string(f.Kind), Namespace: f.Namespace, Name: f.Name, UID: f.UID,
	}
}

// String is the object for people, as in "Deployment shop/frontend".
func (f *Found) String() string { return title(f.Kind, f.Namespace, f.Name) }

func title(kind Kind, namespace, name string) string {
	if namespace == "" {
		return string(kind) + " " + name
	}
	return string(kind) + " " + namespace + "/" + name
}
