package trigger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	kjson "sigs.k8s.io/json"

	"github.com/quench-dev/quench/knative/trigger/source"
)

// Decode makes a Trigger of an object; nil, nil for an object of another kind. The error does not name the object's place.
func (l Loader) Decode(o *source.Object) (*Trigger, error) {
	if o.GetKind() != "Trigger" {
		return nil, nil
	}
	if o.GetAPIVersion() != APIVersion {
		return nil, fmt.Errorf("trigger of apiVersion %q: want %s", o.GetAPIVersion(), APIVersion)
	}
	t := new(eventingv1.Trigger)
	unknown, err := kjson.UnmarshalStrict(o.JSON, t)
	if o.Cluster {
		unknown = nil // a newer Knative's, and not for this one to judge
	}
	if err = errors.Join(err, oneLine(unknown)); err != nil {
		return nil, fmt.Errorf("decode trigger %s: %w", t.Name, err)
	}
	if t.Namespace == "" {
		t.Namespace = "default"
	}
	admit := l.admit
	if o.Cluster {
		admit = Compile
	}
	filter, err := admit(t)
	if err != nil {
		return nil, fmt.Errorf("trigger %s/%s: %w", t.Namespace, t.Name, err)
	}
	return &Trigger{Trigger: t, File: o.File, Line: o.Line, Filter: filter}, nil
}

// admit does what the API server and Knative's webhook do to a Trigger that is created: names, defaults, validation. The
// filter is compiled before it is validated, because Knative's errors give wrong indexes for filters in lists.
func (l Loader) admit(t *eventingv1.Trigger) (*Filter, error) {
	if problems := validation.NameIsDNSSubdomain(t.Name, false); len(problems) > 0 {
		return nil, fmt.Errorf("metadata.name %q: %s", t.Name, strings.Join(problems, "; "))
	}
	if problems := utilvalidation.IsDNS1123Label(t.Namespace); len(problems) > 0 {
		return nil, fmt.Errorf("metadata.namespace %q: %s", t.Namespace, strings.Join(problems, "; "))
	}
	flags := l.Features
	if flags == nil {
		flags = feature.FromContextOrDefaults(context.Background())
	}
	ctx := apis.WithinCreate(feature.ToContext(context.Background(), flags))
	t.SetDefaults(ctx)
	filter, err := Compile(t)
	if err != nil {
		return nil, err
	}
	if problem := t.Validate(apis.WithinParent(ctx, t.ObjectMeta)); problem != nil {
		return nil, fmt.Errorf("validate: %s", strings.ReplaceAll(problem.Error(), "\n", "; "))
	}
	return filter, nil
}

func oneLine(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	texts := make([]string, len(problems))
	for i, problem := range problems {
		texts[i] = problem.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}
