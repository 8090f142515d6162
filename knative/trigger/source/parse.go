package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// head is what tells a list from an object, and an object from what is none.
type head struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Items      []json.RawMessage `json:"items"`
}

// parse returns the objects of one file and, joined, the errors of the documents that gave none.
func parse(file string, text []byte) ([]*Object, error) {
	var objects []*Object
	var errs []error
	for _, doc := range split(text) {
		found, err := parseDocument(file, doc)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", file, doc.line, err))
		}
		objects = append(objects, found...)
	}
	return objects, errors.Join(errs...)
}

func parseDocument(file string, doc document) ([]*Object, error) {
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
	if h.Items == nil || !strings.HasSuffix(h.Kind, "List") {
		o, err := asObject(raw)
		if o == nil || err != nil {
			return nil, err
		}
		o.File, o.Line, o.Text = file, doc.line, doc.text
		return []*Object{o}, nil
	}
	var objects []*Object
	var errs []error
	for i, item := range h.Items {
		o, err := asObject(item)
		if err != nil {
			errs = append(errs, fmt.Errorf("items[%d]: %w", i, err))
		}
		if o != nil {
			o.File, o.Line, o.Text, o.Item = file, doc.line, doc.text, fmt.Sprintf("items[%d]", i)
			objects = append(objects, o)
		}
	}
	return objects, errors.Join(errs...)
}

// asObject returns nil, nil for what has no kind, and so is no object of Kubernetes.
func asObject(raw []byte) (*Object, error) {
	var h head
	if err := json.Unmarshal(raw, &h); err != nil {
		return nil, fmt.Errorf("parse object: %w", err)
	}
	if h.Kind == "" {
		return nil, nil
	}
	o := &Object{Unstructured: &unstructured.Unstructured{}, JSON: raw}
	if err := o.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("parse object of kind %s: %w", h.Kind, err)
	}
	return o, nil
}
