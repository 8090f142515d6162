package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

var definitionKind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// Apply applies every document of the YAML (server-side, by force), in their order but for CustomResourceDefinitions,
// which come first and are waited for until they can be used. An object of a namespaced kind that names no namespace
// goes to "default". Nothing is removed when the test ends, but with its namespace.
func Apply(tb testing.TB, config *rest.Config, text []byte) {
	tb.Helper()
	objects, err := decode(text)
	if err != nil {
		tb.Fatalf("decode objects: %v", err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		tb.Fatalf("make client: %v", err)
	}
	finder, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		tb.Fatalf("make client: %v", err)
	}
	a := applier{client: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(finder))}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	definitions, others := split(objects)
	for _, object := range definitions {
		a.apply(ctx, tb, object)
	}
	for _, object := range definitions {
		a.awaitEstablished(ctx, tb, object)
	}
	for _, object := range others {
		a.apply(ctx, tb, object)
	}
}

type applier struct {
	client dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

func (a applier) apply(ctx context.Context, tb testing.TB, object *unstructured.Unstructured) {
	tb.Helper()
	resource := a.resource(ctx, tb, object)
	options := metav1.ApplyOptions{FieldManager: "quench-tests", Force: true}
	if _, err := resource.Apply(ctx, object.GetName(), object, options); err != nil {
		tb.Fatalf("apply %s: %v", title(object), err)
	}
}

// resource finds where the object belongs; a kind that was defined just now takes a moment to be known.
func (a applier) resource(ctx context.Context, tb testing.TB, object *unstructured.Unstructured) dynamic.ResourceInterface {
	tb.Helper()
	kind := object.GroupVersionKind()
	var mapping *meta.RESTMapping
	await(ctx, tb, "kind of "+title(object), func(context.Context) (err error) {
		if mapping, err = a.mapper.RESTMapping(kind.GroupKind(), kind.Version); err != nil {
			a.mapper.Reset()
		}
		return err
	})
	resource := a.client.Resource(mapping.Resource)
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return resource
	}
	namespace := object.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return resource.Namespace(namespace)
}

func (a applier) awaitEstablished(ctx context.Context, tb testing.TB, definition *unstructured.Unstructured) {
	tb.Helper()
	resource := a.resource(ctx, tb, definition)
	await(ctx, tb, title(definition)+" to be established", func(ctx context.Context) error {
		got, err := resource.Get(ctx, definition.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		conditions, _, err := unstructured.NestedSlice(got.Object, "status", "conditions")
		if err != nil {
			return err
		}
		for _, condition := range conditions {
			if c, ok := condition.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
				return nil
			}
		}
		return fmt.Errorf("conditions are %v", conditions)
	})
}

// decode reads the documents of a YAML stream, empty ones left out.
func decode(text []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4<<10)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.GetKind() == "" || object.GetName() == "" {
			return nil, fmt.Errorf("document %d has no kind or no name", len(objects)+1)
		}
		objects = append(objects, object)
	}
}

func split(objects []*unstructured.Unstructured) (definitions, others []*unstructured.Unstructured) {
	for _, object := range objects {
		if object.GroupVersionKind().GroupKind() == definitionKind {
			definitions = append(definitions, object)
		} else {
			others = append(others, object)
		}
	}
	return definitions, others
}

func title(object *unstructured.Unstructured) string {
	return object.GetKind() + " " + object.GetName()
}
