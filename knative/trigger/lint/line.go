package lint

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quench-dev/quench/knative/trigger/source"
)

// nodeOf is the YAML node of an object in its file, whose lines are the file's. It is nil where there are no lines.
func nodeOf(o *source.Object) *yaml.Node {
	if o.Line == 0 {
		return nil
	}
	var document yaml.Node
	if err := yaml.Unmarshal(o.Text, &document); err != nil || len(document.Content) != 1 {
		return nil
	}
	if o.Item == "" {
		return document.Content[0]
	}
	node, _ := follow(document.Content[0], o.Item)
	return node
}

// line is that of a field or, where the field is not there, of the nearest one that it would be in.
func (s *subject) line(field string) int {
	if s.node == nil {
		return s.object.Line
	}
	if _, line := follow(s.node, field); line > 0 {
		return line
	}
	return s.object.Line
}

// step is one part of a path: a key or an index.
var step = regexp.MustCompile(`\[(\d+)\]|([^.\[\]]+)`)

// follow goes along a path as far as it leads. The line is that of the last key or item that was there, or 0 if there was
// none; the node is nil if the path ends early.
func follow(node *yaml.Node, path string) (found *yaml.Node, line int) {
	for _, part := range step.FindAllStringSubmatch(path, -1) {
		for node != nil && node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		if node == nil {
			return nil, line
		}
		next := (*yaml.Node)(nil)
		switch index, err := strconv.Atoi(part[1]); {
		case err == nil && node.Kind == yaml.SequenceNode && index < len(node.Content):
			next = node.Content[index]
			line = next.Line
		case part[2] != "" && node.Kind == yaml.MappingNode:
			for i := 0; i+1 < len(node.Content); i += 2 {
				if strings.TrimSpace(node.Content[i].Value) == part[2] {
					next, line = node.Content[i+1], node.Content[i].Line
				}
			}
		}
		if next == nil {
			return nil, line
		}
		node = next
	}
	return node, line
}
