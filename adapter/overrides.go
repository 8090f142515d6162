package adapter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
)

// overrides are attributes that every event gets, as Knative's SinkBinding hands
// them over (knative.dev/pkg duck v1 CloudEventOverrides). They win over labels.
type overrides map[string]string

// parseOverrides reads K_CE_OVERRIDES. Fields other than extensions are left
// alone, as Knative's own sources do.
func parseOverrides(s string) (overrides, error) {
	if s == "" {
		return nil, nil
	}
	var o struct {
		Extensions map[string]*string `json:"extensions"`
	}
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	if err := d.Decode(&o); err != nil {
		return nil, fmt.Errorf(`want {"extensions":{"name":"value"}}: %w`, err)
	}
	if d.More() {
		return nil, fmt.Errorf(`want one object {"extensions":{"name":"value"}}, and nothing after it`)
	}
	out := overrides{}
	for _, name := range slices.Sorted(maps.Keys(o.Extensions)) {
		v := o.Extensions[name]
		want, ok := alert.AttributeName(name)
		switch {
		case alert.Reserved(name):
			return nil, fmt.Errorf("extension %q: the name is reserved", name)
		case !ok || want != name:
			return nil, fmt.Errorf("extension %q: want lower-case letters and digits, a letter first", name)
		case v == nil || alert.AttributeValue(*v) != *v || *v == "":
			return nil, fmt.Errorf("extension %q: want a text without control characters or outer blanks, at most %d bytes", name, alert.MaxValueBytes)
		}
		out[name] = *v
	}
	return out, nil
}

func (o overrides) apply(e *event.Event) {
	for name, v := range o {
		e.SetExtension(name, v)
	}
}
