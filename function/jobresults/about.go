package jobresults

import (
	"encoding/json"

	"github.com/cloudevents/sdk-go/v2/event"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The events of an ApiServerSource in mode Reference that can be about a Job that
// has ended.
const (
	typeAdd    = "dev.knative.apiserver.ref.add"
	typeUpdate = "dev.knative.apiserver.ref.update"
)

// reference is their data, a Kubernetes ObjectReference.
type reference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
}

// about is the Job that an event is about, if it is about one.
func about(e event.Event) (which types.NamespacedName, ok bool) {
	if e.Type() != typeAdd && e.Type() != typeUpdate {
		return which, false
	}
	var r reference
	if err := json.Unmarshal(e.Data(), &r); err != nil || r.APIVersion != "batch/v1" || r.Kind != "Job" {
		return which, false
	}
	if len(validation.IsDNS1123Label(r.Namespace)) > 0 || len(validation.IsDNS1123Subdomain(r.Name)) > 0 {
		return which, false
	}
	return types.NamespacedName{Namespace: r.Namespace, Name: r.Name}, true
}
