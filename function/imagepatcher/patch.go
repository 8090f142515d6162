package imagepatcher

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/imagepatcher/registry"
)

// patch sets the image of one container in a workload's template.
type patch struct {
	step
	container, list string
	from, to        string
}

func (c *choice) patch(chosen candidate, found registry.Image) *patch {
	p := &patch{step: c.step, container: c.failing.container, list: c.failing.list, from: c.failing.image, to: chosen.image}
	if to := split(p.to); c.rule.Digest && to.digest == "" {
		to.digest = found.Digest
		p.to = to.String()
	}
	p.plan.Summary = fmt.Sprintf("set the image of container %s of %s to %s (%s), because %s cannot be pulled", p.container, p.found, p.to, chosen.why, p.from)
	p.plan.Changes = []function.Change{{
		Op: "patch", Object: p.plan.Target, Diff: fmt.Sprintf("spec.template.spec.%s[%s].image\n- %s\n+ %s\n", p.list, p.container, p.from, p.to),
	}}
	return p
}

// Apply implements function.Step. The patch says which state of the object it is
// for; where that is over, nothing is changed, and the event is planned anew.
func (p *patch) Apply(ctx context.Context) (function.Result, error) {
	live := p.found.Live
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid": live.GetUID(), "resourceVersion": live.GetResourceVersion(),
			"annotations": map[string]string{
				function.AnnotationEventID: p.req.EventID, function.AnnotationFunction: Name, function.AnnotationAlertname: p.req.Alert.Name(),
			},
		},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			p.list: []map[string]string{{"name": p.container, "image": p.to}},
		}}},
	})
	if err != nil {
		return function.Result{}, fmt.Errorf("encode patch: %w", err)
	}
	o, err := p.patcher.cluster.patch(ctx, p.found, body)
	if err != nil {
		return function.Result{}, err
	}
	template, err := templateOf(o.Object)
	if err != nil {
		return function.Result{}, err
	}
	if has, _, _ := imageOf(&template.Spec, p.container); has != p.to {
		return function.Result{}, function.Fail(ReasonReverted, "the API server took the patch, and container %s of %s has image %s, not %s: something in the cluster changes images",
			p.container, p.found, has, p.to)
	}
	return function.Result{
		Reason: ReasonPatched, Objects: []string{p.plan.Target},
		Message: fmt.Sprintf("set the image of container %s of %s to %s; it was %s", p.container, p.found, p.to, p.from),
	}, nil
}

// Recover says whether an attempt that was cut off changed the object, by its
// annotation, and does it if not. (What was planned is from after the attempt: an object
// that carries the event's id has another step.)
func (p *patch) Recover(ctx context.Context, was function.Interrupted) (function.Result, error) {
	if was.Resolved {
		return function.Result{}, function.Skip(function.ReasonAlertResolved, "the alert has resolved since this was recorded")
	}
	return p.Apply(ctx)
}
