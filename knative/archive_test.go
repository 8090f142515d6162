package knative_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rickb777/date/period"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	eventing "knative.dev/eventing/pkg/apis/eventing/v1"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/tests/kube"
)

// archives are the installations with the archive, and the kind of its Service.
var archives = map[string]string{"testdata/archive": "v1", "testdata/archive-postgresql": "serving.knative.dev/v1"}

// Every dead letter of quench's goes to the archive, and nothing of the archive's own does.
func TestArchiveIsTheDeadLetterSink(t *testing.T) {
	for dir, service := range archives {
		t.Run(dir, func(t *testing.T) {
			patched := 0
			for _, o := range build(t, dir) {
				if o.GetKind() != "Broker" && o.GetKind() != "Trigger" {
					continue
				}
				sink, _, err := unstructured.NestedMap(o.Object, "spec", "delivery", "deadLetterSink")
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]any{"ref": map[string]any{"apiVersion": service, "kind": "Service", "name": "archive"}, "uri": "/dead-letters"}
				if o.GetName() == "archive" {
					want = map[string]any{"ref": map[string]any{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "dead-letter"}}
				}
				if !reflect.DeepEqual(sink, want) {
					t.Errorf("%s %s: dead-letter sink %v, want %v", o.GetKind(), o.GetName(), sink, want)
				}
				patched++
			}
			if patched < 8 {
				t.Errorf("%d Brokers and Triggers", patched)
			}
		})
	}
}

// The archive's Trigger takes everything, and a delivery that fails, its dead letter included, ends within the adapter's
// SEND_TIMEOUT.
func TestArchiveTrigger(t *testing.T) {
	for dir, service := range archives {
		t.Run(dir, func(t *testing.T) {
			objects := build(t, dir)
			tr := into[eventing.Trigger](t, one(t, objects, "Trigger", "archive"))
			if ref := tr.Spec.Subscriber.Ref; tr.Spec.Broker != "default" || ref.Name != "archive" || ref.Kind != "Service" || ref.APIVersion != service {
				t.Errorf("%+v", tr.Spec)
			}
			filter, err := trigger.Compile(tr)
			if err != nil {
				t.Fatal(err)
			}
			for _, eventType := range []string{"io.prometheus.alertmanager.alert.firing", "dev.quench.action.succeeded", "anything"} {
				e := event.New()
				e.SetID("e1")
				e.SetSource("/")
				e.SetType(eventType)
				if ok, err := filter.Match(t.Context(), e); err != nil || !ok {
					t.Errorf("%s: %v, %v", eventType, ok, err)
				}
			}
			d := tr.Spec.Delivery
			timeout, err := period.Parse(*d.Timeout)
			if err != nil {
				t.Fatal(err)
			}
			delay, err := period.Parse(*d.BackoffDelay)
			if err != nil {
				t.Fatal(err)
			}
			took := timeout.DurationApprox() * time.Duration(1+*d.Retry)
			for i := range *d.Retry {
				took += delay.DurationApprox() << i
			}
			var a config.Adapter
			t.Setenv("K_SINK", "http://broker")
			if err := config.Load(&a); err != nil || took >= time.Duration(a.SendTimeout) {
				t.Errorf("it takes up to %s, the adapter waits %s; %v", took, a.SendTimeout, err)
			}
		})
	}
}

// The pods keep to what the others keep to, and their environment is one that the archive reads.
func TestArchivePods(t *testing.T) {
	for dir := range archives {
		t.Run(dir, func(t *testing.T) {
			objects := build(t, dir)
			var spec *corev1.PodSpec
			for _, o := range objects {
				switch {
				case o.GetName() != "archive":
				case o.GetKind() == "StatefulSet":
					spec = into[corev1.PodSpec](t, o, "spec", "template", "spec")
				case isService(o):
					spec = pod(t, o)
				}
			}
			c := spec.Containers[0]
			if c.Image != "example/quench:v0.1.0" || c.Command[0] != "/archive" || spec.ServiceAccountName != "archive" || *spec.AutomountServiceAccountToken || *spec.EnableServiceLinks {
				t.Errorf("pod %+v", spec)
			}
			other := pod(t, one(t, objects, "Service", "adapter")).Containers[0]
			if c.SecurityContext.String() != other.SecurityContext.String() {
				t.Errorf("security context %s, the adapter's %s", c.SecurityContext, other.SecurityContext)
			}
			if r := c.Resources; r.Requests.Cpu().IsZero() || r.Requests.Memory().IsZero() || r.Limits.Memory().IsZero() || c.ReadinessProbe == nil || c.LivenessProbe == nil {
				t.Errorf("container %+v", c)
			}
			var table strings.Builder
			config.WriteTable(&table, config.Archive{})
			for _, v := range c.Env {
				if v.ValueFrom != nil {
					v.Value = "postgres://archive"
				}
				t.Setenv(v.Name, v.Value)
				if v.Name != "GOMEMLIMIT" && !strings.Contains(table.String(), "| `"+v.Name+"` |") {
					t.Errorf("nothing reads %s", v.Name)
				}
			}
			if err := config.Load(&config.Archive{}); err != nil {
				t.Error(err)
			}
			one(t, objects, "ServiceAccount", "archive")
			for _, o := range objects {
				if strings.HasSuffix(o.GetKind(), "RoleBinding") && strings.Contains(string(marshal(t, o)), `"name":"archive"`) {
					t.Errorf("%s %s gives the archive rights", o.GetKind(), o.GetName())
				}
			}
		})
	}
}

// A real API server takes the objects as they are, and Pod Security's "restricted" the pod.
func TestAPIServerTakesTheArchive(t *testing.T) {
	restConfig := kube.Start(t)
	installEventing(t, restConfig)
	namespace := kube.Namespace(t, restConfig)
	kube.Apply(t, restConfig, []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: "+namespace+", labels: {pod-security.kubernetes.io/enforce: restricted}}\n"))
	var text bytes.Buffer
	for _, o := range build(t, "testdata/archive") {
		if o.GetName() != "archive" {
			continue
		}
		o.SetNamespace(namespace)
		text.Write(marshal(t, o))
		text.WriteString("\n---\n")
	}
	kube.Apply(t, restConfig, text.Bytes())
	client := kubernetes.NewForConfigOrDie(restConfig)
	kube.Eventually(t, "the archive's pod and its claim", func(ctx context.Context) error {
		_, podErr := client.CoreV1().Pods(namespace).Get(ctx, "archive-0", metav1.GetOptions{})
		_, claimErr := client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, "data-archive-0", metav1.GetOptions{})
		if apierrors.IsForbidden(podErr) {
			t.Fatal(podErr)
		}
		return errors.Join(podErr, claimErr)
	})
}

func marshal(t *testing.T, o *unstructured.Unstructured) []byte {
	t.Helper()
	b, err := o.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
