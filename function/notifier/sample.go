package notifier

import (
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
)

// sample is a message of each kind with every part, to try templates with.
func sample(kind string) *Notice {
	at := time.Date(2026, 11, 20, 22, 4, 17, 0, time.UTC)
	code, until := 1, at.Add(time.Hour)
	n := &Notice{
		Kind: kind, EventID: "e1", CorrelationID: "c1", Source: "/alertmanager/default", Time: at, Name: "KubePodCrashLooping",
		Labels: map[string]string{"alertname": "KubePodCrashLooping", "namespace": "shop"},
	}
	n.Alert = &alert.Alert{
		Status: alert.Firing, Labels: n.Labels, Annotations: map[string]string{"summary": "Pod is crash looping."},
		StartsAt: at, Fingerprint: "f1", Group: &alert.Group{},
	}
	switch kind {
	case Resolved:
		n.Alert.Status, n.Alert.EndsAt = alert.Resolved, until
	case Enriched:
		n.Enriched = &enriched.Data{
			Target: "apps/v1/deployments/shop/frontend", Reason: "CrashLoopBackOff", Message: "container frontend", Pod: &enriched.Pod{Name: "frontend-1"},
			Containers: []enriched.Container{{Name: "frontend", Last: &enriched.Ended{}}}, Events: []enriched.Event{{}}, Logs: []enriched.Log{{}},
			Owner: &enriched.Owner{}, Rollout: &enriched.Rollout{}, Node: &enriched.Node{}, Suggestion: &enriched.Suggestion{}, Missing: []enriched.Missing{{}},
		}
	case Outcome:
		n.Outcome = &function.OutcomeData{
			Function: "rollback", EventID: "e1", Outcome: function.Planned, Reason: function.ReasonProposed, Message: "would roll back",
			Actions: []function.Acted{{Outcome: function.Planned, Approval: "3f2a9c81b0de", ApproveUntil: &until, Changes: []function.Change{{Op: "patch"}}}},
		}
		n.Job = &Job{Pod: "frontend-1", Container: "frontend", ExitCode: &code, Log: "giving up"}
	}
	return n
}
