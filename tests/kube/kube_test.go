package kube_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

func TestNamespace(t *testing.T) {
	config := kube.Start(t)
	client := kubernetes.NewForConfigOrDie(config)
	names := map[string]bool{}
	for _, test := range []string{"plain", "plain again", "a name " + strings.Repeat("of any length ", 20), "アラート"} {
		t.Run(test, func(t *testing.T) {
			name := kube.Namespace(t, config)
			if names[name] {
				t.Errorf("%s was given out before", name)
			}
			names[name] = true
			if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
				t.Errorf("%q: %v", name, problems)
			}
		})
	}
	for name := range names {
		namespace, err := client.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
		if err == nil && namespace.DeletionTimestamp == nil || err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("%s is not deleted (%v)", name, err)
		}
	}
}

func TestApply(t *testing.T) {
	config := kube.Start(t)
	namespace := kube.Namespace(t, config)
	// The object comes before its definition, as it may in files that are put together.
	text := strings.ReplaceAll(`
apiVersion: tests.quench.dev/v1
kind: Widget
metadata: {name: first, namespace: NAMESPACE}
spec: {size: 3}
---
# nothing but a comment
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.tests.quench.dev}
spec:
  group: tests.quench.dev
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: NAMESPACE}
data: {key: value}
`, "NAMESPACE", namespace)
	kube.Apply(t, config, []byte(text))
	kube.Apply(t, config, []byte(strings.Replace(text, "size: 3", "size: 4", 1)))

	widgets := dynamic.NewForConfigOrDie(config).Resource(schema.GroupVersionResource{
		Group: "tests.quench.dev", Version: "v1", Resource: "widgets",
	})
	widget, err := widgets.Namespace(namespace).Get(t.Context(), "first", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if spec := widget.Object["spec"].(map[string]any); spec["size"] != int64(4) {
		t.Errorf("spec is %v", spec)
	}
}
