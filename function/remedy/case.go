package remedy

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// Case is one alert, and the object that it is about.
type Case struct {
	Alert   *alert.Alert
	EventID string
	// Found is the object, as it was read; nil where the Remedy names no Kinds.
	Found *target.Found

	action *action
}

// Object is the object that the alert is about, as it was read; nil where the
// Remedy names no Kinds.
func (c *Case) Object() *unstructured.Unstructured {
	if c.Found == nil {
		return nil
	}
	return c.Found.Live
}

// String is the object for people, as in "Deployment shop/frontend"; else the
// alert's name.
func (c *Case) String() string {
	if c.Found == nil {
		return c.Alert.Name()
	}
	return c.Found.String()
}

// Resource reaches other objects: one kind in one namespace. An error means that
// there is no cluster to ask.
func (c *Case) Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error) {
	objects, err := c.action.client.Resource(gvr, namespace)
	return objects, function.Retry(err)
}

// Patch changes the object by a merge patch (RFC 7396: lists are replaced as a
// whole), and notes on it in the same request for which event, so that it is done
// once whatever happens. Where the object has changed since it was read, nothing is
// done, and the event is planned anew. The error is FromAPI's.
func (c *Case) Patch(ctx context.Context, patch map[string]any) error {
	if c.Found == nil {
		return function.Fail(function.ReasonInvalid, "there is no object to patch: the Remedy names no Kinds")
	}
	verb := "patch " + c.Found.String()
	body, err := json.Marshal(c.marked(patch))
	if err != nil {
		return function.Fail(function.ReasonInvalid, "%s: encode: %w", verb, err)
	}
	objects, err := c.Resource(c.Found.Resource, c.Found.Namespace)
	if err != nil {
		return err
	}
	_, err = objects.Patch(ctx, c.Found.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: "quench-" + c.action.Name()})
	return function.FromAPI(verb, err)
}

// marked is the patch with the mark, and with which state of which object it is for.
func (c *Case) marked(patch map[string]any) map[string]any {
	whole := map[string]any{}
	for field, value := range patch {
		whole[field] = value
	}
	metadata, annotations := map[string]any{}, map[string]any{}
	copyInto(metadata, whole["metadata"])
	copyInto(annotations, metadata["annotations"])
	annotations[function.AnnotationEventID] = c.EventID
	annotations[function.AnnotationFunction] = c.action.Name()
	annotations[function.AnnotationAlertname] = c.Alert.Name()
	metadata["annotations"] = annotations
	metadata["uid"], metadata["resourceVersion"] = c.Object().GetUID(), c.Object().GetResourceVersion()
	whole["metadata"] = metadata
	return whole
}

func copyInto(to map[string]any, from any) {
	fields, ok := from.(map[string]any)
	if !ok {
		return
	}
	for name, value := range fields {
		to[name] = value
	}
}

// carries says whether the object was changed for this event, by this function.
func (c *Case) carries() bool {
	if c.Found == nil {
		return false
	}
	has := c.Object().GetAnnotations()
	return has[function.AnnotationEventID] == c.EventID && has[function.AnnotationFunction] == c.action.Name()
}

// Read fills into, a pointer to a map or a struct, from the object's field at path,
// such as "spec"; where the object has no such field it is left as it is.
func (c *Case) Read(into any, path ...string) error {
	field, found, err := unstructured.NestedFieldNoCopy(c.Object().Object, path...)
	if err != nil || !found {
		return err
	}
	text, err := json.Marshal(field)
	if err != nil {
		return fmt.Errorf("read %v of %s: %w", path, c, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %v of %s: %w", path, c, err)
	}
	return nil
}
