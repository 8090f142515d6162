package jobrunner_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/jobrunner"
)

const acting = `
jobs:
- {name: again, alert: PodCrashLooping, container: busybox, onRepeat: act, coolDown: 30m}
`

func TestRepeatActsAgainAfterTheCoolDown(t *testing.T) {
	w := newWorld(t)
	f := w.runner(t, acting)
	a := crash()
	first := w.Clock.Now()
	o := functiontest.Handle(t, f, functiontest.Event(t, a, first))
	o.Want(t, function.Succeeded, jobrunner.ReasonCreated)
	functiontest.Handle(t, f, functiontest.Event(t, a, first)).Want(t, function.Succeeded, jobrunner.ReasonCreated)

	w.Clock.Advance(10 * time.Minute)
	early := functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now()))
	early.Want(t, function.Skipped, function.ReasonCoolingDown)
	w.wantJobs(t, 1)

	w.Clock.Advance(21 * time.Minute)
	second := w.Clock.Now()
	repeated := functiontest.Handle(t, f, functiontest.Event(t, a, second))
	repeated.Want(t, function.Succeeded, jobrunner.ReasonCreated)
	w.wantJobs(t, 2)
	if repeated.ID == o.ID {
		t.Error("the repeat's outcome has the first one's id")
	}

	w.Clock.Advance(29 * time.Minute) // within MAX_EVENT_AGE, and the first's is stale by now
	again := functiontest.Handle(t, f, functiontest.Event(t, a, second))
	again.Want(t, function.Succeeded, jobrunner.ReasonCreated)
	if again.ID != repeated.ID {
		t.Errorf("a retry of the repeat is told as %s, want %s", again.ID, repeated.ID)
	}
	functiontest.Handle(t, f, functiontest.Event(t, a, first)).Want(t, function.Skipped, function.ReasonStale)
	w.wantJobs(t, 2)
}

func TestRetryNeverActsHoweverLate(t *testing.T) {
	w := newWorld(t)
	f := w.runner(t, acting)
	e := functiontest.Event(t, crash(), w.Clock.Now())
	o := functiontest.Handle(t, f, e)
	w.Clock.Advance(59 * time.Minute)
	if again := functiontest.Handle(t, f, e); again.ID != o.ID || string(again.Raw) != string(o.Raw) {
		t.Errorf("told otherwise: %s", again.Raw)
	}
	w.wantJobs(t, 1)
}

// wantRetry wants the answer that makes the broker come again.
func wantRetry(t *testing.T, f *function.Function, e event.Event) {
	t.Helper()
	reply, err := f.Handle(t.Context(), e)
	var result *cehttp.Result
	if reply != nil || !errors.As(err, &result) || result.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("got %v, %v, want 503", reply, err)
	}
}

var errKilled = errors.New("killed")

// killed is a process that reaches the API server no more once stop says so; what
// it holds stays held.
func killed(after func(*http.Request, *http.Response) bool) func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	var dead atomic.Bool
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if dead.Load() {
			return nil, errKilled
		}
		response, err := next.RoundTrip(r)
		if err == nil && after(r, response) {
			dead.Store(true)
			_ = response.Body.Close()
			return nil, errKilled
		}
		return response, err
	}
}

func posted(what string) func(*http.Request, *http.Response) bool {
	return func(r *http.Request, _ *http.Response) bool {
		return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/"+what)
	}
}

func TestCrash(t *testing.T) {
	for name, after := range map[string]string{
		"between lock and record":   "leases",
		"between record and apply":  "remediations",
		"between apply and outcome": "jobs",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := functiontest.Event(t, crash(), w.Clock.Now())
			wantRetry(t, w.runnerOn(t, w.Wiretap(killed(posted(after))), echo), e) //nolint:bodyclose // the client closes it

			fresh := w.runner(t, echo)
			wantRetry(t, fresh, e) // the lock has not run out
			w.Clock.Advance(31 * time.Second)
			o := functiontest.Handle(t, fresh, e)
			reason := jobrunner.ReasonCreated
			if after == "jobs" {
				reason = jobrunner.ReasonAlreadyThere
			}
			o.Want(t, function.Succeeded, reason)
			w.wantJobs(t, 1)
			if again := functiontest.Handle(t, fresh, e); again.ID != o.ID {
				t.Errorf("redelivery is told as %s, want %s", again.ID, o.ID)
			}
			w.wantJobs(t, 1)
		})
	}
}

func TestCrashIsNotMadeGoodWhereTheJobMayHaveComeAndGone(t *testing.T) {
	w := newWorld(t)
	rules := strings.Replace(echo, "900", "10", 1)
	e := functiontest.Event(t, crash(), w.Clock.Now())
	wantRetry(t, w.runnerOn(t, w.Wiretap(killed(posted("jobs"))), rules), e) //nolint:bodyclose // the client closes it
	job := w.wantJobs(t, 1)[0]
	background := metav1.DeletePropagationBackground
	if err := w.kube.BatchV1().Jobs(w.Namespace).Delete(t.Context(), job.Name, metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(31 * time.Second)
	functiontest.Handle(t, w.runner(t, rules), e).Want(t, function.Failed, function.ReasonUnknown)
	w.wantJobs(t, 0)
}

func TestAPIAnswers(t *testing.T) {
	type answer struct {
		code int
		body string
	}
	for name, test := range map[string]struct {
		answer answer
		retry  bool
		reason string
	}{
		"500":         {answer{500, "InternalError"}, true, ""},
		"503":         {answer{503, "ServiceUnavailable"}, true, ""},
		"429":         {answer{429, "TooManyRequests"}, true, ""},
		"409":         {answer{409, "Conflict"}, true, ""},
		"504":         {answer{504, "Timeout"}, true, ""},
		"401":         {answer{401, "Unauthorized"}, true, ""},
		"403":         {answer{403, "Forbidden"}, false, function.ReasonForbidden},
		"422":         {answer{422, "Invalid"}, false, function.ReasonInvalid},
		"404":         {answer{404, "NotFound"}, false, function.ReasonNotFound},
		"unreachable": {answer{0, ""}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var times atomic.Int32
			client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if !posted("jobs")(r, nil) || times.Add(1) > 1 {
					return next.RoundTrip(r)
				}
				if test.answer.code == 0 {
					return nil, errors.New("connection refused")
				}
				return functiontest.Status(r, test.answer.code, test.answer.body), nil
			})
			f := w.runnerOn(t, client, echo)
			e := functiontest.Event(t, crash(), w.Clock.Now())
			if !test.retry {
				functiontest.Handle(t, f, e).Want(t, function.Failed, test.reason)
				functiontest.Handle(t, f, e).Want(t, function.Failed, test.reason)
				w.wantJobs(t, 0)
				return
			}
			wantRetry(t, f, e)
			functiontest.Handle(t, f, e).Want(t, function.Succeeded, jobrunner.ReasonCreated)
			w.wantJobs(t, 1)
		})
	}
}

func TestFourDeliveriesAtOnceGiveOneJob(t *testing.T) {
	w := newWorld(t)
	e := functiontest.Event(t, crash(), w.Clock.Now())
	var told atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		f := w.runner(t, echo)
		all.Go(func() {
			if reply, err := f.Handle(context.Background(), e); err == nil && reply != nil {
				told.Add(1)
			}
		})
	}
	all.Wait()
	if told.Load() == 0 {
		t.Error("nobody got the lock")
	}
	functiontest.Handle(t, w.runner(t, echo), e).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	w.wantJobs(t, 1)
}
