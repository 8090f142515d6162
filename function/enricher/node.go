package enricher

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/target"
)

var nodeResource = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}

// mostTaints bounds how many taints of a node are told.
const mostTaints = 10

// node tells of the node that the pod is on, or that the alert is about.
func (l *look) node(ctx context.Context) error {
	if l.found != nil && l.found.Kind == target.Node {
		return l.tellNode(l.found.Live)
	}
	if l.pod == nil || l.pod.Spec.NodeName == "" {
		return nil
	}
	nodes, err := l.client.Resource(nodeResource, "")
	if err != nil {
		return err
	}
	o, err := nodes.Get(ctx, l.pod.Spec.NodeName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get node %s: %w", l.pod.Spec.NodeName, err)
	}
	return l.tellNode(o)
}

func (l *look) tellNode(o *unstructured.Unstructured) error {
	node := &corev1.Node{}
	if err := decode(o, node); err != nil {
		return err
	}
	conditions, err := l.conditions(o)
	if err != nil {
		return err
	}
	l.told.Node = &enriched.Node{Name: node.Name, Cordoned: node.Spec.Unschedulable, Conditions: conditions}
	for _, t := range node.Spec.Taints[:min(len(node.Spec.Taints), mostTaints)] {
		l.told.Node.Taints = append(l.told.Node.Taints, t.ToString())
	}
	return nil
}
