package rollback

import (
	"encoding/json"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/target"
)

// kept are the annotations that stay a Deployment's own when all others become
// those of the revision, as kubectl rollout undo has it.
var kept = map[string]bool{
	"kubectl.kubernetes.io/last-applied-configuration": true,
	annotationRevision:                          true,
	annotationHistory:                           true,
	"deployment.kubernetes.io/desired-replicas": true,
	"deployment.kubernetes.io/max-replicas":     true,
	"deprecated.deployment.rollback.to":         true,
}

// change is the request that brings a revision back. It holds only for the object
// as it was seen: resourceVersion makes any other a conflict.
func change(s *seen, found *target.Found, to *revision, req *function.Request) (types.PatchType, []byte, error) {
	own := map[string]string{
		function.AnnotationEventID: req.EventID, function.AnnotationFunction: req.Function, function.AnnotationAlertname: req.Alert.Name(),
		annotationRolledBackFrom: s.current.uid() + " " + s.current.object.GetName() + " " + req.EventID,
	}
	if found.Kind == target.Deployment {
		text, err := json.Marshal([]map[string]any{
			{"op": "replace", "path": "/metadata/resourceVersion", "value": s.live.GetResourceVersion()},
			{"op": "replace", "path": "/spec/template", "value": to.template},
			{"op": "add", "path": "/metadata/annotations", "value": annotations(s.live, to.object, own)},
		})
		return types.JSONPatchType, text, err
	}
	// A ControllerRevision is the patch that restores it.
	data, _, err := unstructured.NestedMap(to.object.Object, "data")
	if err != nil {
		return "", nil, err
	}
	data["metadata"] = map[string]any{"resourceVersion": s.live.GetResourceVersion(), "annotations": own}
	text, err := json.Marshal(data)
	return types.StrategicMergePatchType, text, err
}

func annotations(live, revision *unstructured.Unstructured, own map[string]string) map[string]string {
	all := map[string]string{}
	stays := func(name string) bool { return kept[name] || strings.HasPrefix(name, ours) }
	for name, value := range live.GetAnnotations() {
		if stays(name) {
			all[name] = value
		}
	}
	for name, value := range revision.GetAnnotations() {
		if !stays(name) {
			all[name] = value
		}
	}
	maps.Copy(all, own)
	return all
}
