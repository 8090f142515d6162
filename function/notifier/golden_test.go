package notifier_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/functiontest"
)

var update = flag.Bool("update", false, "write testdata/messages.txt anew")

// captured are the alerts of what real Alertmanagers sent (tests/payloads).
func captured(t testing.TB, name string) []*alert.Alert {
	t.Helper()
	body, err := os.ReadFile("../../tests/payloads/" + name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := alert.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return p.Alerts
}

// What is said by default: of what real Alertmanagers sent, and of what functions answer. The golden file is what stands
// in Slack, a line for each text.
func TestDefaultMessages(t *testing.T) {
	w := newWorld(t)
	at := time.Date(2026, 11, 20, 22, 10, 0, 0, time.UTC)
	until := at.Add(time.Hour)
	crash := captured(t, "firing.json")[0]
	cause := functiontest.Event(t, crash, at)
	told := func(o function.OutcomeData) event.Event {
		if o.Actions == nil {
			o.Actions = []function.Acted{{Target: o.Target, Outcome: o.Outcome, Reason: o.Reason, Message: o.Message}}
		}
		return outcome(t, cause, crash, o)
	}
	ended := told(function.OutcomeData{Function: "job-results", Outcome: function.Failed, Reason: "BackoffLimitExceeded", Message: "Job ops/fix failed: BackoffLimitExceeded; container fix of pod fix-1 ended with exit code 3", Target: "batch/v1/jobs/ops/fix"})
	ended.DataEncoded = []byte(strings.Replace(string(ended.DataEncoded), `{`, `{"job":{"pod":"fix-1","container":"fix","exitCode":3,"log":"connecting\nDB_PASSWORD=***\ngiving up"},`, 1))
	found, err := enriched.ToEvent(cause, crash, enriched.Data{
		Reason: "OOMKilled", Message: "container frontend was killed: out of memory", Target: "apps/v1/deployments/shop/frontend",
		Containers: []enriched.Container{
			{Name: "frontend", State: "waiting", Reason: "CrashLoopBackOff", Restarts: 7, Last: &enriched.Ended{Reason: "OOMKilled", ExitCode: 137}},
			{Name: "sidecar", State: "running", Ready: true},
		},
		Events:     []enriched.Event{{Type: "Warning", Reason: "BackOff", Message: "Back-off restarting failed container", Object: "Pod shop/frontend-1", Count: 12}},
		Logs:       []enriched.Log{{Container: "frontend", Text: "loading <catalog> & cart\n"}},
		Rollout:    &enriched.Rollout{State: enriched.RolloutStuck, Desired: 3, Available: 1},
		Suggestion: &enriched.Suggestion{Action: "raise-memory", Text: "Raise the memory limit.", Runbook: "https://runbooks.example/oom?a=1&b=2"},
		Missing:    []enriched.Missing{{Part: "node", Why: "forbidden"}},
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	var golden strings.Builder
	for _, one := range []struct {
		what string
		e    event.Event
	}{
		{"firing", cause},
		{"resolved", functiontest.Event(t, captured(t, "resolved.json")[0], at)},
		{"firing, of other scripts", functiontest.Event(t, captured(t, "utf8-labels.json")[0], at)},
		{"enriched", found},
		{"succeeded", told(function.OutcomeData{
			Function: "rollback", Outcome: function.Succeeded, Reason: "RolledBack", Message: "rolled back to revision 3", Target: "apps/v1/deployments/shop/frontend",
			Actions: []function.Acted{{Message: "rolled back to revision 3", Changes: []function.Change{{Op: "patch", Diff: "-        image: shop/frontend:2\n+        image: shop/frontend:1"}}}},
		})},
		{"failed", told(function.OutcomeData{Function: "image-patcher", Outcome: function.Failed, Reason: "Forbidden", Message: "patch deployment: forbidden", Target: "apps/v1/deployments/shop/frontend"})},
		{"skipped", told(function.OutcomeData{Function: "job-runner", Outcome: function.Skipped, Reason: "CoolingDown", Message: "acted at 22:00; acts again after 22:30"})},
		{"planned, for approval", told(function.OutcomeData{
			Function: "rollback", Outcome: function.Planned, Reason: "Proposed", Message: "would roll back to revision 3", Target: "apps/v1/deployments/shop/frontend",
			Actions: []function.Acted{{Outcome: function.Planned, Message: "would roll back to revision 3", Approval: "3f2a9c81b0de", ApproveUntil: &until}},
		})},
		{"planned, in a dry run", told(function.OutcomeData{Function: "rollback", Outcome: function.Planned, Reason: "DryRun", Message: "would roll back to revision 3", DryRun: true})},
		{"unknown", told(function.OutcomeData{Function: "command", Outcome: function.Failed, Reason: "Unknown", Message: "it was cut off; whether it ran cannot be told"})},
		{"how a Job ended", ended},
	} {
		deliver(t, w.pod(t, w.bot(t, "")), one.e)
		got := w.slack.Messages()
		fmt.Fprintf(&golden, "== %s\n", one.what)
		m := got[len(got)-1]
		fmt.Fprintln(&golden, m.All())
	}
	file := filepath.Join("testdata", "messages.txt")
	if *update {
		if err := os.WriteFile(file, []byte(golden.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || golden.String() != string(want) {
		t.Errorf("got\n%s\n(%v; go test -run %s -update writes %s anew)", golden.String(), err, t.Name(), file)
	}
}
