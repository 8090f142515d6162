package remedy_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/remedy"
	"github.com/quench-dev/quench/function/remedy/remedytest"
)

func TestMain(m *testing.M) { remedytest.Main(m) }

const objects = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: NAMESPACE }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: app, image: "app:1" }] }
`

// scale has one replica more.
func scale() remedy.Remedy {
	return remedy.Remedy{
		Name: "scale", Kinds: []remedy.Kind{remedy.Deployment},
		Plan: func(_ context.Context, c *remedy.Case) (remedy.Plan, error) {
			var spec struct{ Replicas int }
			if err := c.Read(&spec, "spec"); err != nil {
				return remedy.Plan{}, err
			}
			if spec.Replicas > 2 {
				return remedy.Plan{}, remedy.Skip("EnoughReplicas", "%s has %d", c, spec.Replicas)
			}
			return remedy.Plan{Summary: "have one replica more of " + c.String()}, nil
		},
		Apply: func(ctx context.Context, c *remedy.Case, _ remedy.Plan) (remedy.Result, error) {
			var spec struct{ Replicas int }
			if err := c.Read(&spec, "spec"); err != nil {
				return remedy.Result{}, err
			}
			err := c.Patch(ctx, map[string]any{
				"metadata": map[string]any{"annotations": map[string]any{"example.com/scaled": "true"}},
				"spec":     map[string]any{"replicas": spec.Replicas + 1},
			})
			return remedy.Result{Reason: "Scaled", Objects: []string{c.Found.Target()}}, err
		},
		Repeatable: true,
	}
}

// One replica more is done once only because its mark is written with it.
func TestConforms(t *testing.T) {
	remedytest.Conform(t, remedytest.Subject{
		Remedy: scale(), Objects: objects, Labels: map[string]string{"deployment": "web"}, Missing: map[string]string{"deployment": "we"},
		Effects: func(t *testing.T, w *remedytest.World) int {
			return int(w.Get(t, remedy.Deployment, "web").GetGeneration()) - 1
		},
	})
}

func TestPatchMarksTheObject(t *testing.T) {
	w := remedytest.New(t)
	w.Create(t, objects)
	event := w.Event(t, w.Alert("alertname", "Busy", "deployment", "web"))
	w.Deliver(t, w.Function(t, scale(), ""), event).Want(t, remedy.Succeeded, "Scaled")
	has := w.Get(t, remedy.Deployment, "web").GetAnnotations()
	if has[function.AnnotationEventID] != event.ID() || has[function.AnnotationFunction] != "scale" || has[function.AnnotationAlertname] != "Busy" || has["example.com/scaled"] != "true" {
		t.Errorf("annotations are %v", has)
	}
}

func TestWhatNobodySignedIsRefused(t *testing.T) {
	w := remedytest.New(t)
	w.Create(t, objects)
	unsigned := functiontest.Event(t, w.Alert("alertname", "Busy", "deployment", "web"), w.Clock.Now())
	w.Deliver(t, w.Function(t, scale(), ""), unsigned).Want(t, remedy.Skipped, function.ReasonUnsigned)
}

// What is found under the lock has to be what was planned.
func TestPlanThatIsAnotherUnderTheLock(t *testing.T) {
	w := remedytest.New(t)
	w.Create(t, objects)
	var planned, applied atomic.Int64
	r := scale()
	r.Plan = func(context.Context, *remedy.Case) (remedy.Plan, error) {
		return remedy.Plan{Summary: "the same but for the first: " + map[bool]string{true: "first", false: "later"}[planned.Add(1) == 1]}, nil
	}
	r.Apply = func(context.Context, *remedy.Case, remedy.Plan) (remedy.Result, error) {
		applied.Add(1)
		return remedy.Result{}, nil
	}
	f, event := w.Function(t, r, ""), w.Event(t, w.Alert("alertname", "Busy", "deployment", "web"))
	if reply, err := f.Handle(t.Context(), event); reply != nil || err == nil || !strings.Contains(err.Error(), "has changed since this was planned") || applied.Load() != 0 {
		t.Fatalf("answered %v, %v, having applied it %d times", reply, err, applied.Load())
	}
	w.Deliver(t, f, event).Want(t, remedy.Succeeded, function.ReasonDone)
	if applied.Load() != 1 {
		t.Errorf("applied %d times", applied.Load())
	}
}

// outside is a remedy of what is no object: a door is opened at some other system.
func outside(repeatable bool, apply func() error) remedy.Remedy {
	return remedy.Remedy{
		Name: "door", Repeatable: repeatable,
		Plan: func(_ context.Context, c *remedy.Case) (remedy.Plan, error) {
			door := c.Alert.Labels["door"]
			if door == "" {
				return remedy.Plan{}, remedy.Skip("NoDoor", "the alert has no label door")
			}
			return remedy.Plan{Target: "doors/" + door, Summary: "open door " + door}, nil
		},
		Apply: func(context.Context, *remedy.Case, remedy.Plan) (remedy.Result, error) {
			return remedy.Result{Reason: "Opened"}, apply()
		},
	}
}

func TestWithoutAnObject(t *testing.T) {
	w := remedytest.New(t)
	f := w.Function(t, outside(false, func() error { return nil }), "")
	open := w.Alert("alertname", "Closed", "door", "front")
	o := w.Handle(t, f, open)
	o.Want(t, remedy.Succeeded, "Opened")
	if o.Target != "doors/front" {
		t.Errorf("target is %q", o.Target)
	}
	w.Handle(t, f, remedytest.Resolved(open)).Want(t, remedy.Skipped, function.ReasonResolved)
	w.Handle(t, f, w.Alert("alertname", "Closed")).Want(t, remedy.Skipped, "NoDoor")
}

// What was cut off is done again only where that does no harm.
func TestCutOff(t *testing.T) {
	for name, test := range map[string]struct {
		repeatable bool
		says       error
		outcome    remedy.Outcome
		reason     string
		applied    int64
	}{
		"not to be repeated":        {false, context.DeadlineExceeded, remedy.Failed, function.ReasonUnknown, 1},
		"repeatable":                {true, context.DeadlineExceeded, remedy.Succeeded, "Opened", 2},
		"nothing was done, it says": {false, remedy.Retry(errors.New("busy")), remedy.Succeeded, "Opened", 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := remedytest.New(t)
			var applied atomic.Int64
			f := w.Function(t, outside(test.repeatable, func() error {
				if applied.Add(1) == 1 {
					return test.says
				}
				return nil
			}), "")
			event := w.Event(t, w.Alert("alertname", "Closed", "door", "front"))
			if reply, err := f.Handle(t.Context(), event); reply != nil || err == nil {
				t.Fatalf("answered %v, %v", reply, err)
			}
			w.Deliver(t, f, event).Want(t, test.outcome, test.reason)
			if applied.Load() != test.applied {
				t.Errorf("applied %d times, want %d", applied.Load(), test.applied)
			}
		})
	}
}

func TestWhatAPlanHasToSay(t *testing.T) {
	w := remedytest.New(t)
	for says, plan := range map[string]remedy.Plan{
		"want a Summary": {Target: "doors/front"},
		"names no Target, and the Remedy no Kinds": {Summary: "open"},
	} {
		r := outside(false, func() error { return nil })
		r.Plan = func(context.Context, *remedy.Case) (remedy.Plan, error) { return plan, nil }
		o := w.Handle(t, w.Function(t, r, ""), w.Alert("alertname", "Closed", "door", "front"))
		if o.Want(t, remedy.Failed, function.ReasonInvalid); !strings.Contains(o.Message, says) {
			t.Errorf("%q does not say %q", o.Message, says)
		}
	}
}

// Whatever is wrong is returned by Start, so that the process ends with it.
func TestNewSaysWhatIsWrong(t *testing.T) {
	nothing := remedy.Remedy{Name: "nothing"}
	planned := scale()
	planned.Apply = nil
	nameless := scale()
	nameless.Name = ""
	for says, test := range map[string]struct {
		remedy   remedy.Remedy
		variable string
		value    string
	}{
		"Plan is missing":                    {nothing, "DRY_RUN", "true"},
		"Apply is missing":                   {planned, "DRY_RUN", "true"},
		`function name "": want a DNS label`: {nameless, "DRY_RUN", "true"},
		"MAX_EVENT_AGE":                      {scale(), "MAX_EVENT_AGE", "soon"},
		"scale: no cluster: set KUBECONFIG":  {scale(), "DRY_RUN", "false"},
		"read kubeconfig testdata/none":      {scale(), "KUBECONFIG", "testdata/none"},
	} {
		t.Run(says, func(t *testing.T) {
			t.Setenv("KUBECONFIG", "")
			t.Setenv("KUBERNETES_SERVICE_HOST", "")
			t.Setenv(test.variable, test.value)
			if err := remedy.New(test.remedy).Start(t.Context(), nil); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The name is the author's, whatever FUNCTION says.
func TestNewNeedsNoClusterToDryRun(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("DRY_RUN", "true")
	f := remedy.New(outside(false, func() error { return errors.New("in a dry run") }))
	o := functiontest.Handle(t, f, functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Closed", "door": "front"}), time.Now()))
	if o.Want(t, remedy.Planned, function.ReasonDryRun); o.Function != "door" {
		t.Errorf("the function is %q", o.Function)
	}
}

func TestNameIn(t *testing.T) {
	for text, want := range map[string]string{
		"specVersion: 0.36.0\nname: restart\ndeploy: {image: x}\n": "restart", "runtime: go": "", "{": "", "name: [a]": "",
	} {
		if got := remedy.NameIn([]byte(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
