package rollback_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// state is an object and its history, as a person would look at them.
type state struct {
	image                string
	generation, observed int64
	annotations          map[string]string
	spec                 any
	revisions            []past // the newest first
	uid                  string
}

type past struct {
	number      int64
	name, uid   string
	image       string
	annotations map[string]string
	template    any
}

func (w *world) state(ctx context.Context, kind, name string) (state, error) {
	client := dynamic.NewForConfigOrDie(w.Config)
	resource := func(plural string) dynamic.ResourceInterface {
		return client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: plural}).Namespace(w.Namespace)
	}
	o, err := resource(strings.ToLower(kind)+"s").Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return state{}, err
	}
	s := state{generation: o.GetGeneration(), annotations: o.GetAnnotations(), spec: o.Object["spec"], image: imageOf(o.Object, "spec", "template"), uid: string(o.GetUID())}
	s.observed, _, _ = unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	plural, at := "controllerrevisions", []string{"data", "spec", "template"}
	if kind == "Deployment" {
		plural, at = "replicasets", []string{"spec", "template"}
	}
	list, err := resource(plural).List(ctx, metav1.ListOptions{})
	if err != nil {
		return state{}, err
	}
	for _, item := range list.Items {
		if ref := metav1.GetControllerOf(&item); ref == nil || ref.UID != o.GetUID() {
			continue
		}
		p := past{name: item.GetName(), uid: string(item.GetUID()), annotations: item.GetAnnotations(), image: imageOf(item.Object, at...)}
		p.template, _, _ = unstructured.NestedMap(item.Object, at...)
		if p.number, _, _ = unstructured.NestedInt64(item.Object, "revision"); kind == "Deployment" {
			p.number, _ = strconv.ParseInt(item.GetAnnotations()["deployment.kubernetes.io/revision"], 10, 64)
		}
		s.revisions = append(s.revisions, p)
	}
	slices.SortFunc(s.revisions, func(a, b past) int { return int(b.number - a.number) })
	return s, nil
}

func imageOf(o map[string]any, at ...string) string {
	containers, _, _ := unstructured.NestedSlice(o, append(at, "spec", "containers")...)
	if len(containers) == 0 {
		return ""
	}
	return containers[0].(map[string]any)["image"].(string)
}

// of is the revision with an image.
func (s state) of(t *testing.T, image string) past {
	t.Helper()
	for _, p := range s.revisions {
		if p.image == image {
			return p
		}
	}
	t.Fatalf("no revision with image %s", image)
	return past{}
}

// others leaves out quench's own annotations.
func others(annotations map[string]string) map[string]string {
	all := maps.Clone(annotations)
	maps.DeleteFunc(all, func(name, _ string) bool { return strings.HasPrefix(name, "quench.dev/") })
	return all
}
