package function_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// action is an action made of what a test says.
type action struct {
	plan func(*function.Request) ([]function.Step, error)
}

func (a action) Name() string { return "tester" }

func (a action) Plan(_ context.Context, req *function.Request) ([]function.Step, error) {
	return a.plan(req)
}

// step is one step made of what a test says.
type step struct {
	plan  function.Plan
	apply func(context.Context) (function.Result, error)
}

func (s step) Plan() function.Plan                                { return s.plan }
func (s step) Apply(ctx context.Context) (function.Result, error) { return s.apply(ctx) }

// recoverable can tell what became of it.
type recoverable struct {
	step
	recover func(context.Context, function.Interrupted) (function.Result, error)
}

func (s recoverable) Recover(ctx context.Context, was function.Interrupted) (function.Result, error) {
	return s.recover(ctx, was)
}

func one(s function.Step) action {
	return action{func(*function.Request) ([]function.Step, error) { return []function.Step{s}, nil }}
}

func done(context.Context) (function.Result, error) {
	return function.Result{Message: "done", Objects: []string{target}}, nil
}

const target = "apps/v1/deployments/shop/frontend"

// build puts an action behind the guards, in a namespace of its own.
func build(t *testing.T, w *functiontest.World, a function.Action, change func(*function.Options)) *function.Function {
	t.Helper()
	o := function.Options{
		Locks:        &lease.Locker{Client: w.Client, Function: a.Name(), Duration: 3 * time.Second, Now: w.Clock.Now},
		Records:      &record.Remediations{Client: w.Client},
		MaxEventAge:  time.Hour,
		ApplyTimeout: 10 * time.Second,
		Now:          w.Clock.Now,
	}
	if change != nil {
		change(&o)
	}
	f, err := function.New(a, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func firing(t *testing.T, w *functiontest.World) event.Event {
	t.Helper()
	return functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Burns", "pod": "x", "type": "a"}), w.Clock.Now())
}

func wantRetry(t *testing.T, f *function.Function, e event.Event, says string) {
	t.Helper()
	reply, err := f.Handle(t.Context(), e)
	var result *cehttp.Result
	if reply != nil || !errors.As(err, &result) || result.StatusCode != http.StatusServiceUnavailable || !strings.Contains(err.Error(), says) {
		t.Fatalf("got %v, %v, want 503 with %q", reply, err, says)
	}
}
