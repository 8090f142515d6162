//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	duckv1 "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"sigs.k8s.io/yaml"
)

var (
	triggersResource = eventingv1.SchemeGroupVersion.WithResource("triggers")
	channelsResource = schema.GroupVersionResource{Group: "messaging.knative.dev", Version: "v1", Resource: "inmemorychannels"}
)

// putTriggers puts Triggers on quench's Broker for the time of the test, and waits until all are served.
//
// One after the other, because Knative writes the Broker's channel without looking whether it is still what was read:
// of several Triggers that are removed at once, some stay subscribed, and then each event is tried on them in vain, for as
// long as the retries go, and dead-lettered (knative/eventing issue 6636).
func putTriggers(t testing.TB, texts ...string) {
	t.Helper()
	client := cluster.dynamic.Resource(triggersResource).Namespace(quench)
	var names []string
	t.Cleanup(func() { removeTriggers(t, names...) })
	for _, text := range texts {
		var object unstructured.Unstructured
		if err := yaml.UnmarshalStrict([]byte(text), &object.Object); err != nil {
			t.Fatalf("read Trigger: %v: %s", err, text)
		}
		if _, err := client.Create(t.Context(), &object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
			t.Fatalf("create Trigger %s: %v", object.GetName(), err)
		}
		names = append(names, object.GetName())
		eventually(t, time.Minute, "Trigger "+object.GetName(), inStep)
	}
}

// removeTriggers removes Triggers that are there, one after the other, see putTriggers. It is for a cleanup.
func removeTriggers(t testing.TB, names ...string) {
	t.Helper()
	client := cluster.dynamic.Resource(triggersResource).Namespace(quench)
	for _, name := range names {
		err := client.Delete(context.Background(), name, metav1.DeleteOptions{})
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			err = await(ctx, inStep)
			cancel()
		}
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("remove Trigger %s: %v", name, err)
		}
	}
}

// inStep is an error unless every Trigger is ready, the Broker's channel names each of them, once, and nothing else, and
// its dispatcher delivers so.
func inStep(ctx context.Context) error {
	triggers, err := cluster.dynamic.Resource(triggersResource).Namespace(quench).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var want, got []string
	for _, object := range triggers.Items {
		var trigger eventingv1.Trigger
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &trigger); err != nil {
			return err
		}
		if !trigger.Status.IsReady() || trigger.Status.ObservedGeneration != trigger.Generation {
			return fmt.Errorf("Trigger %s is not ready: %+v", trigger.Name, trigger.Status.Conditions)
		}
		want = append(want, string(trigger.UID))
	}
	object, err := cluster.dynamic.Resource(channelsResource).Namespace(quench).Get(ctx, "default-kne-trigger", metav1.GetOptions{})
	if err != nil {
		return err
	}
	var channel duckv1.Channelable
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &channel); err != nil {
		return err
	}
	ready := map[string]bool{}
	for _, subscriber := range channel.Status.Subscribers {
		ready[string(subscriber.UID)] = subscriber.Ready == "True"
	}
	for _, subscriber := range channel.Spec.Subscribers {
		if !ready[string(subscriber.UID)] {
			return fmt.Errorf("the channel does not serve %s yet", subscriber.SubscriberURI)
		}
		got = append(got, path.Base(subscriber.SubscriberURI.Path)) // the Trigger's uid
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(ready) != len(want) {
		return fmt.Errorf("the channel names %d Triggers, of which there are %d: %q and %q", len(got), len(want), got, want)
	}
	if channel.Status.ObservedGeneration != channel.Generation {
		return fmt.Errorf("the channel is at generation %d, and was looked at when it was at %d", channel.Generation, channel.Status.ObservedGeneration)
	}
	return dispatched(ctx, object)
}

// dispatched is an error until the channel's dispatchers have taken over what the channel says. Its status does not tell:
// a dispatcher leaves a channel alone whose last change the controller has not looked at yet, and reports its subscribers
// as ready all the same (knative/eventing 0.50, pkg/reconciler/inmemorychannel/dispatcher). Its log does tell. Where that
// says less than Knative's default, a change is taken to have arrived after half a minute.
func dispatched(ctx context.Context, channel *unstructured.Unstructured) error {
	var changed time.Time
	for _, part := range channel.GetManagedFields() {
		if part.Time != nil && part.Time.After(changed) {
			changed = part.Time.Time
		}
	}
	if time.Since(changed) > 30*time.Second {
		return nil
	}
	dispatchers, err := cluster.client.CoreV1().Pods(eventing).List(ctx, metav1.ListOptions{LabelSelector: "messaging.knative.dev/role=dispatcher"})
	if err != nil {
		return err
	}
	for _, pod := range dispatchers.Items {
		log, err := cluster.client.CoreV1().Pods(eventing).GetLogs(pod.Name, &corev1.PodLogOptions{SinceTime: &metav1.Time{Time: changed}}).DoRaw(ctx)
		if err != nil {
			return fmt.Errorf("log of %s: %w", pod.Name, err)
		}
		if err := tookOver(log, channel); err != nil {
			return fmt.Errorf("%s: %w", pod.Name, err)
		}
	}
	return nil
}

// tookOver is an error unless a dispatcher's log says that it looked at the channel as it is now, or later, and was done.
func tookOver(log []byte, channel *unstructured.Unstructured) error {
	now, err := strconv.ParseInt(channel.GetResourceVersion(), 10, 64)
	if err != nil {
		return err
	}
	key, looked := channel.GetNamespace()+"/"+channel.GetName(), false
	for line := range bytes.Lines(log) {
		var entry struct {
			Message string `json:"msg"`
			Key     string `json:"knative.dev/key"`
			Channel struct {
				Metadata struct {
					ResourceVersion string `json:"resourceVersion"`
				} `json:"metadata"`
			} `json:"InMemoryChannel"`
		}
		if json.Unmarshal(line, &entry) != nil || entry.Key != key {
			continue
		}
		switch entry.Message {
		case "Reconciling":
			version, err := strconv.ParseInt(entry.Channel.Metadata.ResourceVersion, 10, 64)
			looked = err == nil && version >= now
		case "Reconcile succeeded":
			if looked {
				return nil
			}
		}
	}
	return fmt.Errorf("the channel's version %d is not dispatched yet", now)
}
