package function

import (
	"context"
	"fmt"
	"time"

	"github.com/quench-dev/quench/function/remedy"
)

// restartedAt is the annotation that kubectl rollout restart sets: a pod template
// that differs in it is rolled out.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// apply does what was planned. It has the lock of the object, and APPLY_TIMEOUT.
func apply(ctx context.Context, c *remedy.Case, _ remedy.Plan) (remedy.Result, error) {
	now := time.Now().UTC().Format(time.RFC3339)
	err := c.Patch(ctx, map[string]any{
		"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
			"annotations": map[string]any{restartedAt: now},
		}}},
	})
	if err != nil {
		return remedy.Result{}, err
	}
	return remedy.Result{
		Reason: "Restarted", Message: fmt.Sprintf("restarted %s at %s", c, now), Objects: []string{c.Found.Target()},
	}, nil
}
