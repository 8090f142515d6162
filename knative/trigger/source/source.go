// Package source finds Kubernetes objects where people keep them: in YAML files, in folders of them, in kustomize folders,
// on standard input, or in a cluster. It says of each where it was read, so that whatever is wrong with it can be pointed
// at. What the objects mean is not its business.
//
// What may go wrong: [Open] reads whole files into memory, none above [MaxFileBytes], and no more than [MaxObjects] objects;
// it returns every error that it found, joined, and no Set unless there is none. Nothing is fetched from a network but the
// cluster's objects, where those are asked for: a kustomization with a remote base is refused, and so is one that runs
// plugins.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// MaxFileBytes is the size above which a file is refused: etcd takes no object larger than about that, and a file that
// was named by mistake should not be read into memory whole.
const MaxFileBytes = 1 << 20

// MaxObjects is how many objects are read at most, from all paths or from a cluster.
const MaxObjects = 20_000

// Stdin is the path that stands for standard input.
const Stdin = "-"

// Triggers is the resource that is read from a cluster in any case.
var Triggers = schema.GroupVersionResource{Group: "eventing.knative.dev", Version: "v1", Resource: "triggers"}

// Surroundings are what Triggers name: Brokers, and the Services that subscribe.
var Surroundings = []schema.GroupVersionResource{
	{Group: "eventing.knative.dev", Version: "v1", Resource: "brokers"},
	{Group: "serving.knative.dev", Version: "v1", Resource: "services"},
	{Version: "v1", Resource: "services"},
}

// Options say where to look.
type Options struct {
	// Paths are files, folders, kustomize folders, or [Stdin].
	Paths []string
	// Stdin is what the path - is read from; nil means that it is refused.
	Stdin io.Reader

	// Cluster asks for the Triggers of a cluster, besides those of Paths.
	Cluster bool
	// Kubeconfig is the file that names the cluster; empty means that of the pod that this runs in.
	Kubeconfig string
	// Namespace bounds what is read from the cluster; empty means all of them.
	Namespace string
	// Also are resources to read from the cluster besides Triggers. Those that the cluster does not know are left out.
	Also []schema.GroupVersionResource
}

// Object is one Kubernetes object and the place where it was read.
type Object struct {
	*unstructured.Unstructured

	// File is the path of the file, the kustomize folder, "standard input", or "cluster".
	File string
	// Line is the first line of the object's document in File, from 1; 0 where there are no lines: what kustomize built, or
	// a cluster holds.
	Line int
	// Item is the object's place in a List, such as items[2]; empty for a document of its own.
	Item string
	// Text is the YAML document, with an empty line for each line of the file before it, so that lines in it are lines of the
	// file. Nil where Line is 0.
	Text []byte
	// JSON is the object as it was read, every field of it.
	JSON []byte
	// Cluster says that a cluster holds the object, so that its admission has seen it.
	Cluster bool
}

// Where is file:line, as compilers print it, with the item of a List; the file or folder alone where there are no lines.
func (o *Object) Where() string {
	where := o.File
	if o.Line > 0 {
		where = fmt.Sprintf("%s:%d", o.File, o.Line)
	}
	if o.Item != "" {
		where += ": " + o.Item
	}
	return where
}

// Set is what was found, in the order of the paths, then of the cluster's answer.
type Set struct {
	Objects []*Object
}

// Kind returns the objects of a kind of an API group, whatever the version.
func (s *Set) Kind(group, kind string) []*Object {
	var found []*Object
	for _, o := range s.Objects {
		if gvk := o.GroupVersionKind(); gvk.Group == group && gvk.Kind == kind {
			found = append(found, o)
		}
	}
	return found
}

// Open reads the objects of files, folders and a cluster.
//
// Of a folder it takes the files that end in .yaml or .yml, by name, and as kubectl does without --recursive not those of
// folders below, where overlays keep parts of objects. A folder with a kustomization file is built instead, as kubectl
// does with -k. A file may hold several documents; lists are expanded, and documents that are no Kubernetes object, such as
// patches, are left out.
//
// Errors: nothing to read; a path that cannot be read or is above [MaxFileBytes]; a document that is no YAML; a
// kustomization that cannot be built; a cluster that does not answer or refuses. Each names its place.
func Open(ctx context.Context, o Options) (*Set, error) {
	if len(o.Paths) == 0 && !o.Cluster {
		return nil, errors.New("nothing to read: name a file, a folder or a cluster")
	}
	var set Set
	var errs []error
	for _, path := range o.Paths {
		found, err := readPath(path, o.Stdin)
		if err != nil {
			errs = append(errs, err)
		}
		set.Objects = append(set.Objects, found...)
		if len(set.Objects) > MaxObjects {
			return nil, fmt.Errorf("%s: more than %d objects", path, MaxObjects)
		}
	}
	if o.Cluster {
		found, err := readCluster(ctx, o)
		if err != nil {
			errs = append(errs, err)
		}
		set.Objects = append(set.Objects, found...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &set, nil
}
