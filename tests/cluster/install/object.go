package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// object is a Kubernetes object.
type object map[string]any

func (o object) kind() string {
	kind, _ := o["kind"].(string)
	return kind
}

func decode(text []byte) ([]object, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4<<10)
	var objects []object
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(o) == 0 {
			continue
		}
		if o.kind() == "" {
			return nil, fmt.Errorf("document %d has no kind", len(objects)+1)
		}
		objects = append(objects, o)
	}
}

func encode(objects []object) ([]byte, error) {
	return json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
}

// split orders objects into steps, each of which needs what is in those before.
func split(objects []object) [3][]object {
	var steps [3][]object
	for _, o := range objects {
		step := 1
		switch o.kind() {
		case "CustomResourceDefinition", "Namespace":
			step = 0
		case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
			step = 2
		}
		steps[step] = append(steps[step], o)
	}
	return steps
}

// visit calls f with every map in the value.
func visit(value any, f func(map[string]any)) {
	switch v := value.(type) {
	case object:
		visit(map[string]any(v), f)
	case map[string]any:
		f(v)
		for _, child := range v {
			visit(child, f)
		}
	case []any:
		for _, child := range v {
			visit(child, f)
		}
	}
}
