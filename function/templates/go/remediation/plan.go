package function

import (
	"context"
	"fmt"

	"github.com/quench-dev/quench/function/remedy"
)

// plan says what apply would do about an alert, or why nothing is to be done. It
// reads, and changes nothing; c.Resource reads what is beside the object.
func plan(_ context.Context, c *remedy.Case) (remedy.Plan, error) {
	var spec struct {
		Paused         bool `json:"paused"`
		UpdateStrategy struct {
			Type string `json:"type"`
		} `json:"updateStrategy"`
	}
	if err := c.Read(&spec, "spec"); err != nil {
		return remedy.Plan{}, err
	}
	switch {
	case spec.Paused:
		return remedy.Plan{}, remedy.Skip("RolloutPaused", "%s is paused: a restart would begin when somebody resumes it", c)
	case spec.UpdateStrategy.Type == "OnDelete":
		return remedy.Plan{}, remedy.Skip("OnDelete", "%s replaces a pod only when somebody deletes it", c)
	}
	return remedy.Plan{
		Summary: fmt.Sprintf("restart %s", c),
		Changes: []remedy.Change{{Op: "patch", Object: c.Found.Target(), Diff: "spec.template.metadata.annotations[" + restartedAt + "]"}},
	}, nil
}
