package broker_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	duckv1 "knative.dev/eventing/pkg/apis/duck/v1"

	"github.com/quench-dev/quench/knative/broker"
)

func TestRetries(t *testing.T) {
	unavailable := &broker.StatusError{Code: 503}
	for name, tc := range map[string]struct {
		delivery string
		failures int // how many attempts fail before one succeeds; -1: all
		err      error
		attempts int
		waits    []time.Duration
	}{
		"no delivery spec":      {"", -1, unavailable, 1, nil},
		"retry 0":               {"{retry: 0}", -1, unavailable, 1, nil},
		"no backoff":            {"{retry: 2}", -1, unavailable, 3, []time.Duration{0, 0}},
		"delay without policy":  {"{retry: 2, backoffDelay: PT1S}", -1, unavailable, 3, []time.Duration{0, 0}},
		"linear":                {"{retry: 3, backoffPolicy: linear, backoffDelay: PT0.5S}", -1, unavailable, 4, []time.Duration{0, time.Second / 2, time.Second}},
		"exponential":           {"{retry: 4, backoffPolicy: exponential, backoffDelay: PT1S}", -1, unavailable, 5, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}},
		"enough":                {"{retry: 5, backoffPolicy: exponential, backoffDelay: PT0.2S}", 2, unavailable, 3, []time.Duration{time.Second / 5, 2 * time.Second / 5}},
		"just enough":           {"{retry: 2}", 2, unavailable, 3, []time.Duration{0, 0}},
		"plain error":           {"{retry: 1}", -1, errors.New("no route"), 2, []time.Duration{0}},
		"sdk-go's result":       {"{retry: 1}", -1, cehttp.NewResult(503, "busy"), 2, []time.Duration{0}},
		"sdk-go's final result": {"{retry: 1}", -1, fmt.Errorf("run: %w", cehttp.NewResult(422, "never")), 1, nil},
		"final":                 {"{retry: 5}", -1, &broker.StatusError{Code: 400}, 1, nil},
		"final when wrapped":    {"{retry: 5}", -1, fmt.Errorf("run: %w", &broker.StatusError{Code: 403}), 1, nil},
		"redirect is final":     {"{retry: 5}", -1, &broker.StatusError{Code: 307}, 1, nil},
		"not found passes":      {"{retry: 1}", -1, &broker.StatusError{Code: 404}, 2, []time.Duration{0}},
	} {
		t.Run(name, func(t *testing.T) {
			a := &recorder{answer: func(n int, _ event.Event) (*event.Event, error) {
				if tc.failures >= 0 && n > tc.failures {
					return nil, nil
				}
				return nil, tc.err
			}}
			var waits []time.Duration
			br := start(t, functions{"a": a}, broker.Options{
				Sleep: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil },
			}, "a||"+tc.delivery)
			err := br.Send(t.Context(), alert("1"))
			if tc.failures >= 0 && err != nil {
				t.Errorf("error %v", err)
			}
			if tc.failures < 0 && (!errors.Is(err, tc.err) || !strings.Contains(err.Error(), "trigger default/a: deliver to function:a")) {
				t.Errorf("error %v, want it to name the trigger and wrap %v", err, tc.err)
			}
			if n := len(a.got()); n != tc.attempts {
				t.Errorf("%d attempts, want %d", n, tc.attempts)
			}
			if !reflect.DeepEqual(waits, tc.waits) {
				t.Errorf("waits %v, want %v", waits, tc.waits)
			}
		})
	}
}

func TestResultOf2xxIsNoFailure(t *testing.T) {
	br := start(t, functions{"a": fails(cehttp.NewResult(202, "taken"))}, broker.Options{}, "a")
	if err := br.Send(t.Context(), alert("1")); err != nil {
		t.Error(err)
	}
}

func TestBrokersDeliveryIsTheDefault(t *testing.T) {
	retry, dead := int32(1), &recorder{}
	a, b := fails(errors.New("down")), fails(errors.New("down"))
	triggers := load(t, "a", "b||{retry: 0}", "dead|[{exact: {alertname: none}}]")
	br, err := broker.New(triggers, functions{"a": a, "b": b, "dead": dead}.resolve, broker.Options{
		Delivery: &duckv1.DeliverySpec{Retry: &retry, DeadLetterSink: &triggers[2].Spec.Subscriber},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := br.Send(t.Context(), alert("1")); err == nil || strings.Contains(err.Error(), "default/a") {
		t.Errorf("error %v, want one about b alone", err)
	}
	if len(a.got()) != 2 || len(b.got()) != 1 || dead.ids() != "1" {
		t.Errorf("%d attempts at a, %d at b, dead-lettered %q", len(a.got()), len(b.got()), dead.ids())
	}
}

// TestSenderGoesWhileDelivering shows that what has begun ends in its own time, and nothing else begins.
func TestSenderGoesWhileDelivering(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	var ended error
	slow := broker.SubscriberFunc(func(ctx context.Context, _ event.Event) (*event.Event, error) {
		close(begun)
		<-release
		ended = ctx.Err()
		return outcome("o"), nil
	})
	other, notified := &recorder{}, &recorder{}
	br := start(t, functions{"a": slow, "b": other, "notified": notified}, broker.Options{Concurrency: 1},
		"a|[{exact: {type: alert}}]", "notified|[{exact: {type: outcome}}]")
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- br.Send(ctx, alert("1")) }()
	wait(t, begun)
	cancel()
	// The only slot is taken, and the sender of this one is gone already.
	if err := br.Send(ctx, alert("2")); !errors.Is(err, context.Canceled) {
		t.Errorf("a delivery that could not begin: error %v", err)
	}
	close(release)
	if err := wait(t, sent); err != nil {
		t.Errorf("the delivery that had begun: %v", err)
	}
	if ended != nil {
		t.Errorf("the delivery was told to end: %v", ended)
	}
	if notified.ids() != "o" {
		t.Errorf("the reply went to %q", notified.ids())
	}
}

func TestSenderGoesWhileWaitingToRetry(t *testing.T) {
	a, dead := fails(&broker.StatusError{Code: 503}), &recorder{}
	ctx, cancel := context.WithCancel(t.Context())
	br := start(t, functions{"a": a, "dead": dead}, broker.Options{
		Sleep: func(ctx context.Context, _ time.Duration) error { cancel(); <-ctx.Done(); return ctx.Err() },
	}, "a||{retry: 9, backoffPolicy: linear, backoffDelay: PT1M, deadLetterSink: "+ref("dead")+"}")
	err := br.Send(ctx, alert("1"))
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v, want the end of the sender and the last failure", err)
	}
	if len(a.got()) != 1 || dead.ids() != "" {
		t.Errorf("%d attempts, dead-lettered %q", len(a.got()), dead.ids())
	}
}

func TestAttemptsHaveADeadline(t *testing.T) {
	var left []time.Duration
	a := broker.SubscriberFunc(func(ctx context.Context, _ event.Event) (*event.Event, error) {
		deadline, _ := ctx.Deadline()
		left = append(left, time.Until(deadline).Round(time.Second))
		return nil, nil
	})
	br := start(t, functions{"a": a}, broker.Options{}, "a")
	other := start(t, functions{"a": a}, broker.Options{Timeout: time.Minute}, "a")
	own := start(t, functions{"a": a}, broker.Options{}, "a||{timeout: PT2H}")
	for _, b := range []*broker.Broker{br, other, own} {
		if err := b.Send(t.Context(), alert("1")); err != nil {
			t.Fatal(err)
		}
	}
	if want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Hour}; !reflect.DeepEqual(left, want) {
		t.Errorf("deadlines in %v, want %v", left, want)
	}
}
