package lint

import (
	"context"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	kjson "sigs.k8s.io/json"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// refused are the findings about what admission would refuse.
var refused = []string{"not-admitted", "unknown-field", "attribute-name", "several-dialects", "cesql-syntax"}

var unknownField = regexp.MustCompile(`^(unknown|duplicate) field "(.*)"$`)

// read does what the API server and Knative's webhook do to a Trigger that is created. Where these find nothing wrong
// with its fields, the Trigger is there to be looked at further.
func (l *linter) read(ctx context.Context, o *source.Object) *subject {
	namespace := o.GetNamespace()
	if namespace == "" {
		namespace = "default"
	}
	s := &subject{object: o, node: nodeOf(o), name: namespace + "/" + o.GetName()}
	if o.GetAPIVersion() != trigger.APIVersion {
		s.report("not-admitted", "apiVersion", trigger.APIVersion, "apiVersion %q is not served", o.GetAPIVersion())
		return s
	}
	if problems := validation.NameIsDNSSubdomain(o.GetName(), false); len(problems) > 0 {
		s.report("not-admitted", "metadata.name", "lower-case letters, digits and -", "%q: %s", o.GetName(), strings.Join(problems, "; "))
	}
	if problems := utilvalidation.IsDNS1123Label(namespace); len(problems) > 0 {
		s.report("not-admitted", "metadata.namespace", "lower-case letters, digits and -", "%q: %s", namespace, strings.Join(problems, "; "))
	}
	t := new(eventingv1.Trigger)
	unknown, err := kjson.UnmarshalStrict(o.JSON, t)
	if err != nil {
		s.report("not-admitted", wrongField(err), "a value of the type that the field has; texts that YAML takes for something else in quotes", "%s", err)
		return s
	}
	if !o.Cluster { // there, it is what older versions left
		for _, problem := range unknown {
			field := ""
			if m := unknownField.FindStringSubmatch(problem.Error()); m != nil {
				field = m[2]
			}
			s.report("unknown-field", field, "a field of Knative's Trigger: broker, filters, subscriber, delivery", "%s", problem)
		}
	}
	t.Namespace = namespace
	t.SetDefaults(l.admission(ctx, t))
	s.trigger = t
	return s
}

// admission is the context in which Knative's webhook looks at a Trigger.
func (l *linter) admission(ctx context.Context, t *eventingv1.Trigger) context.Context {
	flags := l.Features
	if flags == nil {
		flags = feature.FromContextOrDefaults(ctx)
	}
	return apis.WithinParent(apis.WithinCreate(feature.ToContext(ctx, flags)), t.ObjectMeta)
}

// wrongField is the field that a decoding error names: "json: cannot unmarshal bool into Go struct field X.spec.y of …".
func wrongField(err error) string {
	if _, rest, ok := strings.Cut(err.Error(), "Go struct field "); ok {
		_, path, _ := strings.Cut(rest, ".")
		path, _, _ = strings.Cut(path, " ")
		return path
	}
	return ""
}

// admit has Knative's own validation look at all but the filters, whose places it tells wrong, and at the whole, so that
// nothing that it would refuse goes unsaid.
func (l *linter) admit(ctx context.Context, s *subject) {
	ctx = l.admission(ctx, s.trigger)
	rest := s.trigger.DeepCopy()
	rest.Spec.Filter, rest.Spec.Filters = nil, nil
	for _, problem := range rest.Validate(ctx).WrappedErrors() {
		field := "spec"
		if len(problem.Paths) > 0 {
			field = problem.Paths[0]
		}
		s.report("not-admitted", field, right(field), "%s", strings.ReplaceAll(problem.Error(), "\n", "; "))
	}
	if problem := s.trigger.Validate(ctx); problem != nil && !s.has(refused...) {
		s.report("not-admitted", "spec", "what Knative's admission takes", "%s", strings.ReplaceAll(problem.Error(), "\n", "; "))
	}
}

// right is what to write in a field that Knative refuses.
func right(field string) string {
	last := field[strings.LastIndexByte(field, '.')+1:]
	switch last {
	case "timeout", "backoffDelay", "retryAfterMax":
		return "an ISO 8601 duration such as PT35S"
	case "retry":
		return "a whole number of at least 0"
	case "backoffPolicy":
		return "exponential or linear"
	case "format":
		return "binary or json"
	case "broker":
		return "the name of a Broker in the same namespace"
	case "subscriber", "deadLetterSink", "ref", "uri":
		return "ref: { apiVersion, kind, name }, or uri"
	case "namespace":
		return "nothing: it is the Trigger's"
	}
	return "what the sentence says"
}
