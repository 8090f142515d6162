package function_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
)

// grouped is an action that takes whole notifications, and does its steps at once.
type grouped struct{ action }

func (grouped) TakesGroups() {}
func (grouped) StepsAtOnce() {}

// webhook is the event of a notification about instances; a name that ends with !
// has resolved.
func webhook(t *testing.T, at time.Time, instances ...string) event.Event {
	t.Helper()
	var alerts []map[string]any
	for i, instance := range instances {
		status, name := "firing", strings.TrimSuffix(instance, "!")
		if name != instance {
			status = "resolved"
		}
		alerts = append(alerts, map[string]any{
			"status": status, "labels": map[string]string{"alertname": "Burns", "instance": name}, "fingerprint": name,
			"startsAt": time.Date(2026, 11, 20, 22-i, 0, 0, 0, time.UTC),
		})
	}
	body, err := json.Marshal(map[string]any{
		"receiver": "r", "groupKey": "k", "commonLabels": map[string]string{"alertname": "Burns"}, "alerts": alerts,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := alert.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	e, err := (&alert.Encoder{Source: alert.Source("test")}).GroupEvent(p, at)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// inFiles is a function with its locks and records in a folder.
func inFiles(t *testing.T, a function.Action, change func(*function.Options)) *function.Function {
	t.Helper()
	dir := t.TempDir()
	o := function.Options{Locks: &lease.Files{Dir: dir, Function: a.Name()}, Records: &record.Files{Dir: dir}}
	if change != nil {
		change(&o)
	}
	f, err := function.New(a, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestGroupEvents(t *testing.T) {
	var seen *function.Request
	acting := action{func(req *function.Request) ([]function.Step, error) {
		seen = req
		return []function.Step{step{function.Plan{Target: "commands/x", Key: "x"}, done}}, nil
	}}
	k := newKeys(t)
	signed := func(o *function.Options) { o.Verify = function.Provenance{Keys: k.folder} }
	e := sign(t, k.adapter, webhook(t, time.Now(), "a", "b!"))
	if reply, err := inFiles(t, acting, signed).Handle(t.Context(), e); reply != nil || err != nil || seen != nil {
		t.Errorf("an action that takes none answers %v, %v", reply, err)
	}
	f := inFiles(t, grouped{acting}, signed)
	functiontest.Handle(t, f, webhook(t, time.Now(), "a")).Want(t, function.Skipped, function.ReasonUnsigned)
	o := functiontest.Handle(t, f, e)
	o.Want(t, function.Succeeded, function.ReasonDone)
	if a := seen.Alert; len(seen.Payload.Alerts) != 2 || a.Name() != "Burns" || a.Status != alert.Firing || a.StartsAt.Hour() != 21 || seen.CorrelationID != e.Extensions()["correlationid"] {
		t.Errorf("request is %+v about %+v", seen, a)
	}
	if string(o.Alert) != string(e.Data()) || o.Attributes["alertname"] != "Burns" || o.Attributes["correlationid"] != seen.CorrelationID || o.Attributes["partitionkey"] != e.Extensions()["partitionkey"] {
		t.Errorf("outcome %v, data %s", o.Attributes, o.Raw)
	}
	// Another alert in the group is another notification; the same again is not.
	for _, members := range [][]string{{"a", "b!", "c"}, {"a"}} {
		functiontest.Handle(t, f, sign(t, k.adapter, webhook(t, time.Now(), members...))).Want(t, function.Succeeded, function.ReasonDone)
	}
	if again := functiontest.Handle(t, f, e); again.ID != o.ID {
		t.Errorf("a redelivery is %s", again.Raw)
	}
	bad := webhook(t, time.Now(), "a")
	bad.SetType(alert.TypeGroupResolved)
	functiontest.Handle(t, f, sign(t, k.adapter, bad)).Want(t, function.Failed, function.ReasonBadEvent)
	wantRetry(t, function.Broken(errors.New("no rules")), e, "no rules")
}

// A group that has resolved leaves the mark for what is delivered late.
func TestGroupResolves(t *testing.T) {
	f := inFiles(t, grouped{one(step{function.Plan{Target: "x"}, done})}, nil)
	now := time.Now()
	functiontest.Handle(t, f, webhook(t, now, "a!", "b!"))
	functiontest.Handle(t, f, webhook(t, now.Add(-time.Second), "a", "b")).Want(t, function.Skipped, function.ReasonAlertResolved)
	functiontest.Handle(t, f, webhook(t, now.Add(time.Second), "a", "b")).Want(t, function.Succeeded, function.ReasonDone)
}

// Steps at once wait for each other here, and one that panics takes nobody along.
func TestStepsAtOnce(t *testing.T) {
	met := make(chan struct{})
	meet := func(ctx context.Context) (function.Result, error) {
		select {
		case met <- struct{}{}:
		case <-met:
		case <-ctx.Done():
			return function.Result{}, function.Fail("Alone", "nobody came")
		}
		return function.Result{}, nil
	}
	steps := []function.Step{step{function.Plan{Target: "x"}, meet}, step{function.Plan{Target: "y"}, meet}}
	f := inFiles(t, grouped{action{func(*function.Request) ([]function.Step, error) { return steps, nil }}}, nil)
	o := functiontest.Handle(t, f, webhook(t, time.Now(), "a"))
	o.Want(t, function.Succeeded, function.ReasonDone)
	if len(o.Actions) != 2 || o.Actions[0].Target != "x" || o.Actions[1].Target != "y" {
		t.Errorf("%s", o.Raw)
	}
	steps[1] = panics{}
	wantRetry(t, f, webhook(t, time.Now(), "b"), "panic: in a plan")
}

type panics struct{ step }

func (panics) Plan() function.Plan { panic("in a plan") }

// A step says how long it may take, and what is locked.
func TestPlansTimeoutAndLock(t *testing.T) {
	f := inFiles(t, one(step{function.Plan{Target: "x", Timeout: 50 * time.Millisecond, Lock: "x/1", Namespace: "kube-system"}, func(ctx context.Context) (function.Result, error) {
		<-ctx.Done()
		return function.Result{}, function.Fail("Late", "late")
	}}), func(o *function.Options) { o.Policy = everything{} })
	a := functiontest.Alert(map[string]string{"alertname": "A"})
	functiontest.Handle(t, f, functiontest.Event(t, a, time.Now())).Want(t, function.Failed, "Late")
	protected := inFiles(t, one(step{function.Plan{Target: "x", Namespace: "kube-system"}, done}), nil)
	functiontest.Handle(t, protected, functiontest.Event(t, a, time.Now())).Want(t, function.Skipped, "NamespaceProtected")
}

// everything is a policy that protects nothing.
type everything struct{}

func (everything) Read(context.Context) (*policy.Policy, error) {
	return policy.Parse("everything", []byte("defaults: {protectedNamespaces: []}"), []string{"tester"})
}
