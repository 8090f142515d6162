package draft

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// YAML is the Trigger as people write it, with what its filter does not say in a comment.
func (d *Draft) YAML() ([]byte, error) {
	t := d.Trigger
	filters := sequence()
	for _, f := range t.Spec.Filters {
		filters.Content = append(filters.Content, filterNode(f))
	}
	delivery := t.Spec.Delivery
	document := mapping(
		"apiVersion", scalar(t.APIVersion),
		"kind", scalar(t.Kind),
		"metadata", mapping("name", scalar(t.Name), "namespace", scalar(t.Namespace)),
		"spec", mapping(
			"broker", scalar(t.Spec.Broker),
			"filters", filters,
			"subscriber", destination(t.Spec.Subscriber),
			"delivery", mapping(
				"retry", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(*delivery.Retry)},
				"backoffPolicy", scalar(string(*delivery.BackoffPolicy)),
				"backoffDelay", scalar(*delivery.BackoffDelay),
				"timeout", scalar(*delivery.Timeout),
				"deadLetterSink", destination(*delivery.DeadLetterSink),
			),
		),
	)
	document.HeadComment = d.comment()
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(document); err != nil {
		return nil, fmt.Errorf("write trigger: %w", err)
	}
	return b.Bytes(), e.Close()
}

// comment says what the filter lets through besides.
func (d *Draft) comment() string {
	if len(d.Kept) == 0 {
		return ""
	}
	var lines []string
	for _, m := range d.Kept {
		lines = append(lines, "# "+m.String())
	}
	return "# Knative's filters cannot say all of this; what they let through besides, the function has to leave alone:\n" + strings.Join(lines, "\n")
}

func filterNode(f filter) *yaml.Node {
	list := func(filters []filter) *yaml.Node {
		n := sequence()
		for _, f := range filters {
			n.Content = append(n.Content, filterNode(f))
		}
		return n
	}
	switch {
	case len(f.Exact) > 0:
		return mapping("exact", attributes(f.Exact))
	case len(f.Prefix) > 0:
		return mapping("prefix", attributes(f.Prefix))
	case len(f.Suffix) > 0:
		return mapping("suffix", attributes(f.Suffix))
	case len(f.All) > 0:
		return mapping("all", list(f.All))
	case len(f.Any) > 0:
		return mapping("any", list(f.Any))
	case f.Not != nil:
		return mapping("not", filterNode(*f.Not))
	default:
		return mapping("cesql", scalar(f.CESQL))
	}
}

func attributes(values map[string]string) *yaml.Node {
	var pairs []any
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, name, scalar(values[name]))
	}
	n := mapping(pairs...)
	n.Style = yaml.FlowStyle
	return n
}

func destination(d duckv1.Destination) *yaml.Node {
	if d.URI != nil {
		return mapping("uri", scalar(d.URI.String()))
	}
	ref := mapping("apiVersion", scalar(d.Ref.APIVersion), "kind", scalar(d.Ref.Kind), "name", scalar(d.Ref.Name))
	ref.Style = yaml.FlowStyle
	return mapping("ref", ref)
}

// scalar is a text; the encoder quotes one that would be read as something else.
func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

func sequence() *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode} }

// mapping takes keys and nodes in turn.
func mapping(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(pairs); i += 2 {
		n.Content = append(n.Content, scalar(pairs[i].(string)), pairs[i+1].(*yaml.Node))
	}
	return n
}
