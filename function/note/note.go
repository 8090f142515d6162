// Package note writes Kubernetes Events: what kubectl describe shows of an object.
//
// The name of an Event is derived from what it tells, so that telling it again
// writes nothing.
package note

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

var resource = schema.GroupVersionResource{Version: "v1", Resource: "events"}

// maxMessage is what the API server takes, in bytes.
const maxMessage = 1024

// Client reaches the API server.
type Client interface {
	Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error)
}

// Events writes Kubernetes Events.
type Events struct{ Client Client }

// Note implements function.Notes. An object that is in no namespace has its Events
// in default, as everywhere.
func (e *Events) Note(ctx context.Context, n function.Note) error {
	namespace := n.Object.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	events, err := e.Client.Resource(resource, namespace)
	if err != nil {
		return err
	}
	_, err = events.Create(ctx, object(n, namespace), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return errors.Join(fmt.Errorf("create event in %s", namespace), err)
	}
	return nil
}

func object(n function.Note, namespace string) *unstructured.Unstructured {
	kind := "Normal"
	if n.Warning {
		kind = "Warning"
	}
	when := n.Time.UTC().Format(time.RFC3339)
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Event",
		"involvedObject": map[string]any{
			"apiVersion": n.Object.APIVersion, "kind": n.Object.Kind, "namespace": n.Object.Namespace,
			"name": n.Object.Name, "uid": n.Object.UID,
		},
		"type": kind, "reason": n.Reason, "message": cut(n.Message),
		"source":         map[string]any{"component": "quench-" + n.Function},
		"firstTimestamp": when, "lastTimestamp": when, "count": int64(1),
	}}
	// An object's name may be as long as an Event's, which has a hash besides.
	name := n.Object.Name
	o.SetName(strings.Trim(name[:min(len(name), 200)], ".-") + "." + alert.Hash("note", n.Function, n.EventID, n.Object.UID, n.Reason, when)[:16])
	o.SetNamespace(namespace)
	return o
}

func cut(s string) string {
	const more = "…"
	if len(s) > maxMessage {
		return strings.ToValidUTF8(s[:maxMessage-len(more)], "") + more
	}
	return s
}
