package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/feature"
	"knative.dev/pkg/apis"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// head is what tells a Trigger from a list and from the documents of others.
type head struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Items      []json.RawMessage `json:"items"`
}

// parse returns the Triggers of one file and, joined, the errors of the documents that gave none.
func (l Loader) parse(file string, text []byte) ([]*Trigger, error) {
	var triggers []*Trigger
	var errs []error
	for _, doc := range split(text) {
		found, err := l.parseDocument(file, doc)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", file, doc.line, err))
		}
		triggers = append(triggers, found...)
	}
	return triggers, errors.Join(errs...)
}

func (l Loader) parseDocument(file string, doc document) ([]*Trigger, error) {
	// Kubernetes' own conversion, so that a bare yes or 12 is what it would be for kubectl: not a string.
	raw, err := yaml.YAMLToJSONStrict(doc.text)
	if err != nil {
		return nil, fmt.Errorf("parse document: %w", err)
	}
	if !bytes.HasPrefix(raw, []byte("{")) {
		return nil, nil // a list of patches, say: no Kubernetes object
	}
	var h head
	if err := json.Unmarshal(raw, &h); err != nil {
		return nil, fmt.Errorf("parse document: %w", err)
	}
	objects := []json.RawMessage{raw}
	if h.Kind == "List" || h.Kind == "TriggerList" {
		objects = h.Items
	}
	var triggers []*Trigger
	var errs []error
	for i, object := range objects {
		t, err := l.decode(object)
		switch {
		case err != nil && h.Items != nil:
			errs = append(errs, fmt.Errorf("items[%d]: %w", i, err))
		case err != nil:
			errs = append(errs, err)
		case t != nil:
			t.File, t.Line = file, doc.line
			triggers = append(triggers, t)
		}
	}
	return triggers, errors.Join(errs...)
}

// decode returns nil, nil for an object of another kind.
func (l Loader) decode(object json.RawMessage) (*Trigger, error) {
	var h head
	if err := json.Unmarshal(object, &h); err != nil {
		return nil, fmt.Errorf("parse object: %w", err)
	}
	if h.Kind != "Trigger" {
		return nil, nil
	}
	if h.APIVersion != APIVersion {
		return nil, fmt.Errorf("trigger of apiVersion %q: want %s", h.APIVersion, APIVersion)
	}
	t := new(eventingv1.Trigger)
	unknown, err := kjson.UnmarshalStrict(object, t)
	if err = errors.Join(err, oneLine(unknown)); err != nil {
		return nil, fmt.Errorf("decode trigger %s: %w", t.Name, err)
	}
	if t.Namespace == "" {
		t.Namespace = "default"
	}
	filter, err := l.admit(t)
	if err != nil {
		return nil, fmt.Errorf("trigger %s/%s: %w", t.Namespace, t.Name, err)
	}
	return &Trigger{Trigger: t, Filter: filter}, nil
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
