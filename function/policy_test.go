package function_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/policy"
)

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// govern puts a policy into the world's namespace, and hands an action to it.
func govern(t *testing.T, w *functiontest.World, a function.Action, text string) *function.Function {
	t.Helper()
	objects, err := w.Client.Resource(configMaps, w.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{policy.Key: text}}}
	o.SetName("quench-policy")
	if _, err = objects.Update(t.Context(), o, metav1.UpdateOptions{}); err != nil {
		if _, err = objects.Create(t.Context(), o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return governed(t, w, a, nil)
}

// governed hands an action to the policy that is there, and to keys.
func governed(t *testing.T, w *functiontest.World, a function.Action, verify function.Guard) *function.Function {
	t.Helper()
	return build(t, w, a, func(o *function.Options) {
		o.Policy = &policy.Source{Client: w.Client, ConfigMap: "quench-policy", Known: []string{"tester"}}
		o.Verify = verify
	})
}

func TestPolicyIsReadAnewForEachEvent(t *testing.T) {
	w := functiontest.New(t)
	a := one(step{function.Plan{Target: target}, done})
	f := govern(t, w, a, "paused: true\nreason: maintenance of the store")
	e := firing(t, w)
	o := functiontest.Handle(t, f, e)
	o.Want(t, function.Skipped, policy.ReasonPaused)
	if !strings.Contains(o.Message, "maintenance of the store") {
		t.Errorf("the message is %q", o.Message)
	}
	govern(t, w, a, "paused: flase")
	wantRetry(t, f, e, "paused: got a string, want true or false")
	govern(t, w, a, "paused: false")
	functiontest.Handle(t, f, e).Want(t, function.Succeeded, function.ReasonDone)
}

func TestPolicyThatIsNotThereAllowsNothing(t *testing.T) {
	w := functiontest.New(t)
	f := governed(t, w, one(step{function.Plan{Target: target}, done}), nil)
	wantRetry(t, f, firing(t, w), `configmaps "quench-policy" not found`)
}

func TestPolicyAboutTheTarget(t *testing.T) {
	w := functiontest.New(t)
	never := func(context.Context) (function.Result, error) { return function.Result{}, errors.New("applied") }
	for name, test := range map[string]struct {
		policy  string
		plan    function.Plan
		outcome function.Outcome
		reason  string
	}{
		"protected":           {"{}", function.Plan{Target: "apps/v1/deployments/kube-system/coredns"}, function.Skipped, policy.ReasonProtected},
		"protected core":      {"{}", function.Plan{Target: "v1/pods/kube-system/coredns"}, function.Skipped, policy.ReasonProtected},
		"not allowed":         {"defaults: {namespaces: [shop-*]}", function.Plan{Target: target}, function.Skipped, policy.ReasonNamespace},
		"by the object":       {"{}", function.Plan{Target: "x", Object: &function.Object{Namespace: "kube-public"}}, function.Skipped, policy.ReasonProtected},
		"git's":               {"{}", function.Plan{Target: target, Managers: []function.Manager{{Kind: function.ManagerGitOps, Name: "Argo CD application shop"}}}, function.Skipped, policy.ReasonManagedElsewhere},
		"a custom resource's": {"defaults: {changeGitOps: true}", function.Plan{Target: target, Managers: []function.Manager{{Kind: function.ManagerController, Name: "Shop shop"}}}, function.Skipped, policy.ReasonManagedElsewhere},
		"dry run":             {"dryRun: true", function.Plan{Target: target}, function.Planned, function.ReasonDryRun},
		"mode dry-run":        {"functions: {tester: {mode: dry-run}}", function.Plan{Target: target}, function.Planned, function.ReasonDryRun},
		"mode propose":        {"functions: {tester: {mode: propose}}", function.Plan{Target: target}, function.Planned, function.ReasonProposed},
		"disabled":            {"functions: {tester: {enabled: false}}", function.Plan{Target: target}, function.Skipped, policy.ReasonDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			f := govern(t, w, one(step{test.plan, never}), test.policy)
			functiontest.Handle(t, f, firing(t, w)).Want(t, test.outcome, test.reason)
		})
	}
	t.Run("git's, but allowed", func(t *testing.T) {
		plan := function.Plan{Target: target, Managers: []function.Manager{{Kind: function.ManagerGitOps, Name: "Flux kustomization shop"}}}
		f := govern(t, w, one(step{plan, done}), "defaults: {changeGitOps: true}")
		functiontest.Handle(t, f, firing(t, w)).Want(t, function.Succeeded, function.ReasonDone)
	})
}

func alertNamed(t *testing.T, w *functiontest.World, name string) func(*function.Function) functiontest.Outcome {
	t.Helper()
	e := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": name}), w.Clock.Now())
	return func(f *function.Function) functiontest.Outcome { return functiontest.Handle(t, f, e) }
}

func TestCoolDownIsTheTargets(t *testing.T) {
	w := functiontest.New(t)
	at := target
	f := govern(t, w, action{func(*function.Request) ([]function.Step, error) {
		return []function.Step{step{function.Plan{Target: at}, done}}, nil
	}}, "defaults: {coolDown: 10m}")
	alertNamed(t, w, "First")(f).Want(t, function.Succeeded, function.ReasonDone)
	second := alertNamed(t, w, "Second")
	second(f).Want(t, function.Skipped, function.ReasonCoolingDown)
	at = "apps/v1/deployments/shop/backend"
	alertNamed(t, w, "Third")(f).Want(t, function.Succeeded, function.ReasonDone)
	at = target
	w.Clock.Advance(11 * time.Minute)
	second(f).Want(t, function.Succeeded, function.ReasonDone)
}

// Eight functions side by side, each a process of its own with locks of its own,
// begin no more than the policy lets them all together.
func TestHourlyLimitHoldsAcrossPods(t *testing.T) {
	w := functiontest.New(t)
	var runs atomic.Int32
	each := func() function.Action {
		return action{func(r *function.Request) ([]function.Step, error) {
			return []function.Step{step{function.Plan{Target: "apps/v1/deployments/shop/" + strings.ToLower(r.Alert.Name())}, func(context.Context) (function.Result, error) {
				runs.Add(1)
				return function.Result{}, nil
			}}}, nil
		}}
	}
	var all sync.WaitGroup
	outcomes := make([]functiontest.Outcome, 8)
	for i := range outcomes {
		f := govern(t, w, each(), "functions: {tester: {maxPerHour: 3}}")
		tell := alertNamed(t, w, fmt.Sprintf("Alert%d", i))
		all.Go(func() { outcomes[i] = tell(f) })
	}
	all.Wait()
	if runs.Load() != 3 {
		t.Errorf("%d actions began, want 3", runs.Load())
	}
	for _, o := range outcomes {
		if o.Outcome != function.Succeeded {
			o.Want(t, function.Skipped, function.ReasonHourlyLimit)
		}
	}
	w.Clock.Advance(time.Hour + time.Minute)
	alertNamed(t, w, "Later")(govern(t, w, each(), "functions: {tester: {maxPerHour: 3}}")).Want(t, function.Succeeded, function.ReasonDone)
}

func TestMostAtOnceIsAskedAgain(t *testing.T) {
	w := functiontest.New(t)
	begun, end := make(chan struct{}), make(chan struct{})
	slow := one(step{function.Plan{Target: target}, func(context.Context) (function.Result, error) {
		close(begun)
		<-end
		return function.Result{}, nil
	}})
	f := govern(t, w, slow, "defaults: {maxAtOnce: 1}")
	answered := make(chan error, 1)
	first := firing(t, w)
	go func() { _, err := f.Handle(context.Background(), first); answered <- err }()
	<-begun
	other := governed(t, w, one(step{function.Plan{Target: "apps/v1/deployments/shop/backend"}, done}), nil)
	e := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Second"}), w.Clock.Now())
	wantRetry(t, other, e, "1 actions of tester are under way, and the policy's maxAtOnce is 1")
	close(end)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	functiontest.Handle(t, other, e).Want(t, function.Succeeded, function.ReasonDone)
}

func TestBreakerOpensAndTriesOnce(t *testing.T) {
	w := functiontest.New(t)
	broken := true
	f := govern(t, w, action{func(r *function.Request) ([]function.Step, error) {
		return []function.Step{step{function.Plan{Target: "apps/v1/deployments/shop/" + strings.ToLower(r.Alert.Name())}, func(context.Context) (function.Result, error) {
			if broken {
				return function.Result{}, function.Fail("Refused", "no")
			}
			return function.Result{}, nil
		}}}, nil
	}}, "defaults: {breaker: {failures: 2, pause: 30m}}")
	alertNamed(t, w, "A")(f).Want(t, function.Failed, "Refused")
	alertNamed(t, w, "B")(f).Want(t, function.Failed, "Refused")
	alertNamed(t, w, "C")(f).Want(t, function.Skipped, function.ReasonBreakerOpen)
	w.Clock.Advance(31 * time.Minute)
	alertNamed(t, w, "D")(f).Want(t, function.Failed, "Refused")
	alertNamed(t, w, "E")(f).Want(t, function.Skipped, function.ReasonBreakerOpen)
	w.Clock.Advance(31 * time.Minute)
	broken = false
	alertNamed(t, w, "F")(f).Want(t, function.Succeeded, function.ReasonDone)
	alertNamed(t, w, "G")(f).Want(t, function.Succeeded, function.ReasonDone)
}
