package functiontest

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
)

// Subject is a function that is to do what all functions do.
type Subject struct {
	// Prepare brings what there is to act on into a namespace, and says how the
	// function is seen by it. It is called for each world anew.
	Prepare func(t *testing.T, w *World) Prepared
	// Outside says that what it does is outside the cluster, so that of what was cut
	// off nobody can tell whether it was done: it has failed, and is not done again.
	// Acts is then the request that records that it is begun.
	Outside bool
}

// Prepared is a world with something to do.
type Prepared struct {
	// Action is the function's on this client: each call is a pod of its own.
	Action func(client *cluster.Client) function.Action
	// Labels are those of the i-th alert about the same target.
	Labels func(i int) map[string]string
	// Other are those of another alert, which is acted on by itself.
	Other map[string]string
	// Missing are those of an alert about a target that is not there.
	Missing map[string]string
	// Fails, of a subject that acts outside the cluster, are those of an alert about
	// which it fails for good, without an effect.
	Fails map[string]string
	// Acts says whether a request is the one that does it.
	Acts func(r *http.Request) bool
	// Effects is how often it was done.
	Effects func() int
}

// trial is one row of the table.
type trial struct {
	Prepared
	*World
	started time.Time // of all alerts
}

// Conform has a subject go through the table that every function passes.
func Conform(t *testing.T, s Subject) {
	table := map[string]func(*testing.T, *trial){
		"a redelivery is answered, and does nothing":                     redelivered,
		"four alerts about one target at once do it once":                fourAtOnce,
		"a dry run changes nothing":                                      under("dryRun: true", function.Planned, function.ReasonDryRun),
		"a proposal changes nothing":                                     under("defaults: {mode: propose}", function.Planned, function.ReasonProposed),
		"paused, it does nothing":                                        under("paused: true", function.Skipped, policy.ReasonPaused),
		"in a protected namespace it does nothing":                       under("defaults: {protectedNamespaces: ['*']}", function.Skipped, policy.ReasonProtected),
		"of an alert that may not start it nothing comes":                under(`defaults: {alerts: ['alertname="Other"']}`, function.Skipped, policy.ReasonAlertNotAllowed),
		"a target that is missing is told, and nothing is done":          missing,
		"a breaker that is open lets nothing through":                    breakerOpen,
		"past the hourly limit it does nothing":                          hourlyLimit,
		"a policy that does not parse stops it":                          unparsable,
		"500 from the API server: done once, by the next delivery":       refused(http.StatusInternalServerError, "InternalError"),
		"409 from the API server: done once, by the next delivery":       refused(http.StatusConflict, "Conflict"),
		"429 from the API server: done once, by the next delivery":       refused(http.StatusTooManyRequests, "TooManyRequests"),
		"an API server that does not answer: done once":                  lostRequest,
		"an answer that is lost: done once":                              lostAnswer,
		"killed between lock and act, delivered again: done once":        killedBefore,
		"killed between act and outcome, delivered again: done once":     killedAfter,
		"what the API server refuses for good is a failure, and told so": refusedForGood,
	}
	if s.Outside {
		delete(table, "an answer that is lost: done once")
		delete(table, "killed between lock and act, delivered again: done once")
		delete(table, "killed between act and outcome, delivered again: done once")
		table["an answer that is lost: unknown, and not done again"] = lostRecord
		table["killed between lock and act: unknown, and not done again"] = diedBefore
		table["killed between act and outcome: unknown, and not done again"] = diedAfter
	}
	for name, test := range table {
		t.Run(name, func(t *testing.T) {
			w := New(t)
			prepared := s.Prepare(t, w)
			test(t, &trial{prepared, w, w.Clock.Now().UTC()})
		})
	}
}

// pod is the function as a process of its own, under a policy.
func (x *trial) pod(t *testing.T, client *cluster.Client, text string) *function.Function {
	t.Helper()
	a := x.Action(client)
	file := t.TempDir() + "/policy.yaml"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := function.New(a, function.Options{
		Locks:   &lease.Locker{Client: client, Function: a.Name(), Duration: 3 * time.Second, Now: x.Clock.Now},
		Records: &record.Remediations{Client: client},
		Policy:  &policy.Source{File: file, Known: []string{a.Name()}},
		Now:     x.Clock.Now, ApplyTimeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (x *trial) event(t *testing.T, i int) event.Event {
	t.Helper()
	return x.eventOf(t, x.Labels(i))
}

func (x *trial) eventOf(t *testing.T, labels map[string]string) event.Event {
	t.Helper()
	a := Alert(labels)
	a.StartsAt = x.started
	return Event(t, a, x.Clock.Now())
}

func (x *trial) wantEffects(t *testing.T, want int) {
	t.Helper()
	if got := x.Effects(); got != want {
		t.Errorf("done %d times, want %d", got, want)
	}
}

// deliver hands an event over as a broker does: again and again while it is
// answered with 503.
func deliver(t testing.TB, f *function.Function, e event.Event) Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		reply, err := f.Handle(ctx, e)
		if err == nil {
			return Read(t, reply)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("handle: %v", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func redelivered(t *testing.T, x *trial) {
	f, e := x.pod(t, x.Client, "{}"), x.event(t, 0)
	first := deliver(t, f, e)
	again := deliver(t, x.pod(t, x.Client, "{}"), e)
	if first.Outcome != function.Succeeded || again.ID != first.ID || string(again.Raw) != string(first.Raw) {
		t.Errorf("first %s\nagain %s", first.Raw, again.Raw)
	}
	x.wantEffects(t, 1)
}

func fourAtOnce(t *testing.T, x *trial) {
	var all sync.WaitGroup
	outcomes := make([]Outcome, 4)
	for i := range outcomes {
		f, e := x.pod(t, x.Client, "defaults: {coolDown: 10m}"), x.event(t, i)
		all.Go(func() { outcomes[i] = deliver(t, f, e) })
	}
	all.Wait()
	x.wantEffects(t, 1)
	ids := map[string]bool{}
	for _, o := range outcomes {
		if o.Outcome == function.Succeeded {
			ids[o.ID] = true
		} else if o.Outcome != function.Skipped {
			t.Errorf("%s", o.Raw)
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d actions are told of, want 1", len(ids))
	}
}

// under is a policy that keeps it from acting.
func under(text string, outcome function.Outcome, reason string) func(*testing.T, *trial) {
	return func(t *testing.T, x *trial) {
		deliver(t, x.pod(t, x.Client, text), x.event(t, 0)).Want(t, outcome, reason)
		x.wantEffects(t, 0)
	}
}

func missing(t *testing.T, x *trial) {
	o := deliver(t, x.pod(t, x.Client, "{}"), x.eventOf(t, x.Missing))
	if o.Outcome != function.Skipped && o.Outcome != function.Failed || o.Reason == "" || o.Message == "" {
		t.Errorf("%s", o.Raw)
	}
	x.wantEffects(t, 0)
}

// failed leaves the record of an action that failed, about another alert.
func (x *trial) failed(t *testing.T) {
	t.Helper()
	if x.Fails != nil {
		if o := deliver(t, x.pod(t, x.Client, "{}"), x.eventOf(t, x.Fails)); o.Outcome != function.Failed {
			t.Fatalf("%s", o.Raw)
		}
		return
	}
	f := x.pod(t, x.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if x.Acts(r) {
			return Status(r, http.StatusForbidden, "Forbidden"), nil
		}
		return next.RoundTrip(r)
	}), "{}")
	deliver(t, f, x.eventOf(t, x.Other)).Want(t, function.Failed, function.ReasonForbidden)
}

func breakerOpen(t *testing.T, x *trial) {
	x.failed(t)
	f := x.pod(t, x.Client, "defaults: {breaker: {failures: 1, pause: 20m}}")
	deliver(t, f, x.event(t, 0)).Want(t, function.Skipped, function.ReasonBreakerOpen)
	x.wantEffects(t, 0)
	x.Clock.Advance(21 * time.Minute)
	if o := deliver(t, f, x.event(t, 0)); o.Outcome != function.Succeeded {
		t.Errorf("%s", o.Raw)
	}
	x.wantEffects(t, 1)
}

func hourlyLimit(t *testing.T, x *trial) {
	x.failed(t)
	f := x.pod(t, x.Client, "defaults: {maxPerHour: 1}")
	deliver(t, f, x.event(t, 0)).Want(t, function.Skipped, function.ReasonHourlyLimit)
	x.wantEffects(t, 0)
}

func unparsable(t *testing.T, x *trial) {
	reply, err := x.pod(t, x.Client, "defaults: {mode: maybe}").Handle(t.Context(), x.event(t, 0))
	if reply != nil || err == nil || !strings.Contains(err.Error(), "defaults.mode") {
		t.Errorf("answered %v, %v", reply, err)
	}
	x.wantEffects(t, 0)
}

func refusedForGood(t *testing.T, x *trial) {
	x.failed(t)
	x.wantEffects(t, 0)
}

// refused is an API server that refuses what it is asked to do, the first time.
func refused(code int, reason string) func(*testing.T, *trial) {
	return func(t *testing.T, x *trial) {
		x.once(t, func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return Status(r, code, reason), nil
		})
	}
}

func lostRequest(t *testing.T, x *trial) {
	x.once(t, func(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errLost })
}

func lostAnswer(t *testing.T, x *trial) {
	x.once(t, func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		return nil, errLost
	})
}

// once has the first request that acts go wrong, and delivers until it is done.
func (x *trial) once(t *testing.T, wrong func(*http.Request, http.RoundTripper) (*http.Response, error)) {
	t.Helper()
	var met atomic.Bool
	f := x.pod(t, x.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if x.Acts(r) && met.CompareAndSwap(false, true) {
			return wrong(r, next)
		}
		return next.RoundTrip(r)
	}), "{}")
	if o := deliver(t, f, x.event(t, 0)); o.Outcome != function.Succeeded || !met.Load() {
		t.Errorf("met it: %v; %s", met.Load(), o.Raw)
	}
	x.wantEffects(t, 1)
}

// killedBefore: nothing that the process asks for arrives from the moment on that
// it would act.
func killedBefore(t *testing.T, x *trial) { x.killed(t, false) }

// killedAfter: it acts, and nothing arrives from then on.
func killedAfter(t *testing.T, x *trial) { x.killed(t, true) }

func (x *trial) killed(t *testing.T, acted bool) {
	t.Helper()
	var dead atomic.Bool
	e := x.event(t, 0)
	first := x.pod(t, x.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if dead.Load() {
			return nil, errLost
		}
		if !x.Acts(r) {
			return next.RoundTrip(r)
		}
		if acted {
			resp, err := next.RoundTrip(r)
			if err != nil || resp.StatusCode >= http.StatusMultipleChoices {
				return resp, err // a conflict with a controller: not yet
			}
			resp.Body.Close()
		}
		dead.Store(true)
		return nil, errLost
	}), "{}")
	attempts := int64(0)
	for !dead.Load() {
		if reply, err := first.Handle(t.Context(), e); reply != nil || err == nil {
			t.Fatalf("answered %v, %v", reply, err)
		}
		attempts++
	}
	x.wantEffects(t, map[bool]int{true: 1, false: 0}[acted])
	x.Clock.Advance(time.Minute) // its lock has run out
	o := deliver(t, x.pod(t, x.Client, "{}"), e)
	if o.Outcome != function.Succeeded || o.Actions[0].Attempts != attempts+1 {
		t.Errorf("%s", o.Raw)
	}
	x.wantEffects(t, 1)
}

var errLost = errors.New("connection lost")
