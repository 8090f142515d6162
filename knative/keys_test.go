package knative_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/knative/keyring"
	"github.com/quench-dev/quench/tests/kube"
)

// keysPod is the pod that makes the keys.
func keysPod(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	for _, o := range build(t, "overlays/standard") {
		if o.GetKind() == "Pod" && o.GetLabels()["app.kubernetes.io/name"] == "keys" {
			return o
		}
	}
	t.Fatal("there is no pod keys")
	return nil
}

func setImage(t *testing.T, o *unstructured.Unstructured, image string) {
	t.Helper()
	containers, _, err := unstructured.NestedSlice(o.Object, "spec", "containers")
	if err != nil {
		t.Fatal(err)
	}
	containers[0].(map[string]any)["image"] = image
	if err := unstructured.SetNestedSlice(o.Object, containers, "spec", "containers"); err != nil {
		t.Fatal(err)
	}
}

// keys, as its ServiceAccount, makes and mends keys, and nothing that it may do is left over.
func TestKeysHasTheRightsThatItUses(t *testing.T) {
	w := functiontest.New(t)
	admin := kubernetes.NewForConfigOrDie(w.Config)
	granted := grant(t, w, "keys", build(t, "overlays/standard"))
	used := &usage{}
	r := keyring.Ring{Client: used.client(w, "keys", nil), Say: func(line string) { t.Log(line) }}
	for range 2 {
		if err := r.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		public, err := admin.CoreV1().ConfigMaps(w.Namespace).Get(t.Context(), keyring.ConfigMapName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		public.Data = nil // so that it has to be mended
		if _, err := admin.CoreV1().ConfigMaps(w.Namespace).Update(t.Context(), public, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := used.sorted(); !slices.Equal(got, granted) {
		t.Errorf("it uses  %v\nit may do %v", got, granted)
	}
	if err := r.Rotate(t.Context(), 0); err == nil {
		t.Error("it can replace the key")
	}
}

// An upgrade, or the right image after one that could not be pulled: the pod takes another one, whether or not it has run.
func TestKeysPodTakesAnotherImage(t *testing.T) {
	config := kube.Start(t)
	namespace := kube.Namespace(t, config)
	kube.Apply(t, config, []byte("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: keys, namespace: "+namespace+"}\n"))
	pods := dynamic.NewForConfigOrDie(config).Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(namespace)
	o := keysPod(t)
	o.SetNamespace(namespace)
	apply := func(image string) {
		t.Helper()
		setImage(t, o, image)
		text, err := o.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		force := true
		if _, err := pods.Patch(t.Context(), o.GetName(), types.ApplyPatchType, text, metav1.PatchOptions{FieldManager: "kubectl", Force: &force}); err != nil {
			t.Fatalf("image %s: %v", image, err)
		}
	}
	apply("quench-dev/quench:v1")
	apply("quench-dev/quench:v2")
	client := kubernetes.NewForConfigOrDie(config).CoreV1().Pods(namespace)
	kube.Eventually(t, "the pod to have run", func(ctx context.Context) error { // as kubelet says it
		p, err := client.Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		p.Status.Phase = corev1.PodSucceeded
		_, err = client.UpdateStatus(ctx, p, metav1.UpdateOptions{})
		return err
	})
	apply("quench-dev/quench:v2")
	apply("quench-dev/quench:v3")

	// It is the image alone, which is why the name has a number.
	if err := unstructured.SetNestedField(o.Object, "Never", "spec", "restartPolicy"); err != nil {
		t.Fatal(err)
	}
	text, err := o.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	force := true
	if _, err := pods.Patch(t.Context(), o.GetName(), types.ApplyPatchType, text, metav1.PatchOptions{FieldManager: "kubectl", Force: &force}); !apierrors.IsInvalid(err) {
		t.Errorf("another restart policy: %v", err)
	}
}

// What stands in the pod but its image cannot be changed under the same name.
func TestKeysPodIsWhatItsNameSays(t *testing.T) {
	o := keysPod(t)
	setImage(t, o, "quench-dev/quench")
	spec, _, err := unstructured.NestedMap(o.Object, "spec")
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", o.GetName()+".yaml")
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: for a pod with a new name, write its spec there:\n%s", err, text)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("the pod has changed: name it %s-N with the next number, and write its spec to a file of that name in testdata\n%s",
			strings.TrimRight(o.GetName(), "-0123456789"), text)
	}
}

// As the pods that Knative makes.
func TestKeysPodSecurity(t *testing.T) {
	spec := into[corev1.PodSpec](t, keysPod(t), "spec")
	c := spec.Containers[0]
	if len(spec.Containers) != 1 || spec.ServiceAccountName != "keys" || !slices.Equal(c.Command, []string{"/keys"}) || len(spec.Volumes) > 0 {
		t.Errorf("pod %+v", spec)
	}
	adapter := pod(t, one(t, build(t, "overlays/standard"), "Service", "adapter")).Containers[0]
	if c.Image != adapter.Image || c.SecurityContext.String() != adapter.SecurityContext.String() {
		t.Errorf("image %s, security context %s; the adapter has %s, %s", c.Image, c.SecurityContext, adapter.Image, adapter.SecurityContext)
	}
	if r := c.Resources; r.Requests.Cpu().IsZero() || r.Requests.Memory().IsZero() || r.Limits.Memory().IsZero() {
		t.Errorf("resources %+v", r)
	}
}
