package lint

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// Reference names an object of a cluster.
type Reference struct {
	Group, Version, Kind, Namespace, Name string
}

func (r Reference) String() string {
	kind := r.Kind
	if r.Group != "" {
		kind += "." + r.Group
	}
	return fmt.Sprintf("%s %s/%s", kind, r.Namespace, r.Name)
}

// references looks at what a Trigger names.
func (l *linter) references(ctx context.Context, s *subject) error {
	if r := brokerOf(s.trigger); r.Name != "" {
		r.Version = "v1"
		if err := l.reference(ctx, s, "broker-missing", "spec.broker", "the Trigger is never subscribed", r); err != nil {
			return err
		}
	}
	if err := l.destination(ctx, s, "subscriber-missing", "spec.subscriber.ref", "the Trigger never gets ready", &s.trigger.Spec.Subscriber); err != nil {
		return err
	}
	if s.trigger.Spec.Delivery == nil {
		return nil
	}
	return l.destination(ctx, s, "dead-letter-sink-missing", "spec.delivery.deadLetterSink.ref", "the Trigger never gets ready", s.trigger.Spec.Delivery.DeadLetterSink)
}

func (l *linter) destination(ctx context.Context, s *subject, id, field, harm string, d *duckv1.Destination) error {
	if d == nil || d.Ref == nil || d.Ref.Name == "" {
		return nil // a URI is anybody's
	}
	gv, err := schema.ParseGroupVersion(d.Ref.APIVersion)
	if err != nil {
		s.report("not-admitted", field+".apiVersion", "such as serving.knative.dev/v1", "%s", err)
		return nil
	}
	r := Reference{Group: gv.Group, Version: gv.Version, Kind: d.Ref.Kind, Namespace: d.Ref.Namespace, Name: d.Ref.Name}
	if r.Namespace == "" {
		r.Namespace = s.trigger.Namespace
	}
	return l.reference(ctx, s, id, field, harm, r)
}

// reference looks for an object in the cluster, if there is one to ask, or among those that were read. Where no Broker was,
// these are a part of an installation, and where none of the object's kind was, it may be deployed by other means: then
// nothing is known.
func (l *linter) reference(ctx context.Context, s *subject, id, field, harm string, r Reference) error {
	where := "among what was read"
	var others []string
	if l.Exists != nil {
		found, err := l.Exists(ctx, r)
		if err != nil || found {
			return err
		}
		where = "in the cluster"
	}
	for _, o := range l.set.Kind(r.Group, r.Kind) {
		if o.GetName() == r.Name && namespaceOf(o) == r.Namespace {
			return nil // to be applied along
		}
		others = append(others, namespaceOf(o)+"/"+o.GetName())
	}
	if l.Exists == nil && (len(others) == 0 || len(l.set.Kind(group, "Broker")) == 0) {
		return nil
	}
	instead := "the name of one that there is"
	if len(others) > 0 {
		instead += ": " + strings.Join(others, ", ")
	}
	s.report(id, field, instead, "there is no %s %s: %s, and nothing is delivered", r, where, harm)
	return nil
}

// Exists is how a cluster is asked; see [Options].
type Exists func(ctx context.Context, r Reference) (bool, error)
