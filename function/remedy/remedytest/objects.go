package remedytest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/quench-dev/quench/function/record"
)

// Create makes the objects of a YAML text, in which NAMESPACE stands for the
// world's namespace. An object that names no namespace is in none.
func (w *World) Create(tb testing.TB, text string) {
	tb.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(strings.ReplaceAll(text, "NAMESPACE", w.Namespace))), 4<<10)
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			tb.Fatalf("read object: %v", err)
		}
		if len(o.Object) == 0 {
			continue
		}
		w.create(tb, o)
	}
}

func (w *World) create(tb testing.TB, o *unstructured.Unstructured) {
	tb.Helper()
	if !w.Real { // what an API server would give it
		o.SetUID(uuid.NewUUID())
		o.SetResourceVersion("1")
		o.SetGeneration(1)
	}
	objects, err := w.resource(o)
	if err == nil {
		_, err = objects.Create(tb.Context(), o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	}
	if err != nil {
		tb.Fatalf("create %s %s: %v", o.GetKind(), o.GetName(), err)
	}
}

// resource is where objects of this kind are, by the rule that all of Kubernetes'
// own kinds keep to.
func (w *World) resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	plural, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
	return w.Client.Resource(plural, o.GetNamespace())
}

// fake is client-go's, which knows Kubernetes' own kinds and Remediation.
func fake() dynamic.Interface {
	known := runtime.NewScheme()
	for kind := range scheme.Scheme.AllKnownTypes() {
		if strings.HasSuffix(kind.Kind, "List") {
			known.AddKnownTypeWithName(kind, &unstructured.UnstructuredList{})
		} else {
			known.AddKnownTypeWithName(kind, &unstructured.Unstructured{})
		}
	}
	return dynamicfake.NewSimpleDynamicClientWithCustomListKinds(known, map[schema.GroupVersionResource]string{record.Resource: "RemediationList"})
}
