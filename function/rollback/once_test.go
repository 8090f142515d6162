package rollback_test

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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/rollback"
)

// However often alerts about the revision that was left come, nothing goes forward to it, nor further back.
func TestNothingFlipsForward(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2", "app:3")
	pod := w.pod(t, "shop", "app:3")
	a := w.alert("pod", pod)
	first := functiontest.Event(t, a, w.Clock.Now())
	o := functiontest.Handle(t, w.function(t), first)
	o.Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.settled(t, "Deployment", "shop", "app:2")

	again := functiontest.Handle(t, w.function(t), first)
	if again.ID != o.ID || string(again.Raw) != string(o.Raw) {
		t.Errorf("a redelivery is told otherwise: %s", again.Raw)
	}
	w.Clock.Advance(50 * time.Minute)
	repeat := functiontest.Handle(t, w.function(t), functiontest.Event(t, a, w.Clock.Now()))
	if repeat.ID != o.ID {
		t.Errorf("a repeat is told as %s (%s)", repeat.Outcome, repeat.Message)
	}
	w.handle(t, w.alert("pod", pod, "severity", "critical")).Want(t, function.Skipped, rollback.ReasonNotCurrent)
	w.handle(t, w.alert("deployment", "shop")).Want(t, function.Skipped, rollback.ReasonUnknownRevision)
	w.handle(t, w.alert("pod", w.pod(t, "shop", "app:2"))).Want(t, function.Skipped, rollback.ReasonKnownBad)
	s := w.wantImage(t, "Deployment", "shop", "app:2")
	if s.revisions[0].number != 4 {
		t.Errorf("it is revision %d, want 4", s.revisions[0].number)
	}

	// Nor where the revision's own mark is lost: the Deployment has one.
	w.kubectl(t, "annotate", "replicaset", s.of(t, "app:3").name, "quench.dev/rolled-back-")
	o = w.handle(t, w.alert("pod", w.pod(t, "shop", "app:2"), "severity", "critical"))
	o.Want(t, function.Skipped, rollback.ReasonKnownBad)
	if !strings.Contains(o.Message, "quench.dev/rolled-back-from of shop") {
		t.Errorf("message is %q", o.Message)
	}

	// A later release is rolled back to what was good, though its annotations are copies.
	w.release(t, "Deployment", "shop", "app:4")
	w.handle(t, w.alert("pod", w.pod(t, "shop", "app:4"))).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.wantImage(t, "Deployment", "shop", "app:2")
}

func TestEventThatWasDoneWithoutARecordIsNotDoneAgain(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2")
	a := w.alert("deployment", "shop")
	w.handle(t, a).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.settled(t, "Deployment", "shop", "app:1")
	w.kubectl(t, "delete", "remediations", "--all")
	w.handle(t, a).Want(t, function.Skipped, rollback.ReasonAlreadyRolledBack)
	w.wantImage(t, "Deployment", "shop", "app:1")
}

func TestConflictIsTriedAgainAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2")
	var once sync.Once
	client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if patched(r, "deployments") {
			once.Do(func() { // somebody scales it, just before
				_, err := w.kube.AppsV1().Deployments(w.Namespace).Patch(context.Background(), "shop", types.MergePatchType,
					[]byte(`{"spec":{"replicas":3}}`), metav1.PatchOptions{})
				if err != nil {
					t.Error(err)
				}
			})
		}
		return next.RoundTrip(r)
	})
	f := w.functionOn(t, client, rollback.Options{})
	e := functiontest.Event(t, w.alert("deployment", "shop"), w.Clock.Now())
	wantRetry(t, f, e)
	w.settled(t, "Deployment", "shop", "app:2")
	functiontest.Handle(t, f, e).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.wantImage(t, "Deployment", "shop", "app:1")
	if d, err := w.deployment(t.Context(), "shop"); err != nil || *d.Spec.Replicas != 3 {
		t.Errorf("%v, %v", d, err)
	}
}

func TestReleaseBetweenPlanAndApplyIsNotRolledBack(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2")
	pod := w.pod(t, "shop", "app:2")
	var once sync.Once
	client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/remediations") {
			once.Do(func() { w.release(t, "Deployment", "shop", "app:3") })
		}
		return next.RoundTrip(r)
	})
	f := w.functionOn(t, client, rollback.Options{})
	e := functiontest.Event(t, w.alert("pod", pod), w.Clock.Now())
	wantRetryOr(t, f, e, rollback.ReasonNotCurrent)
	functiontest.Handle(t, f, e).Want(t, function.Skipped, rollback.ReasonNotCurrent)
	w.wantImage(t, "Deployment", "shop", "app:3")
}

// wantRetryOr wants 503, or a skip with this reason.
func wantRetryOr(t *testing.T, f *function.Function, e event.Event, reason string) {
	t.Helper()
	if reply, err := f.Handle(t.Context(), e); err == nil {
		functiontest.Read(t, reply).Want(t, function.Skipped, reason)
	}
}

func TestAPIAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		code   int
		body   string
		retry  bool
		reason string
	}{
		"500":         {500, "InternalError", true, ""},
		"429":         {429, "TooManyRequests", true, ""},
		"409":         {409, "Conflict", true, ""},
		"unreachable": {0, "", true, ""},
		"403":         {403, "Forbidden", false, function.ReasonForbidden},
		"422":         {422, "Invalid", false, function.ReasonInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.releases(t, "Deployment", "shop", "app:1", "app:2")
			var times atomic.Int32
			client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if !patched(r, "deployments") || times.Add(1) > 1 {
					return next.RoundTrip(r)
				}
				if test.code == 0 {
					return nil, errors.New("connection refused")
				}
				return functiontest.Status(r, test.code, test.body), nil
			})
			f := w.functionOn(t, client, rollback.Options{})
			e := functiontest.Event(t, w.alert("deployment", "shop"), w.Clock.Now())
			if !test.retry {
				functiontest.Handle(t, f, e).Want(t, function.Failed, test.reason)
				functiontest.Handle(t, f, e).Want(t, function.Failed, test.reason)
				s := w.wantImage(t, "Deployment", "shop", "app:2")
				if mark := s.of(t, "app:2").annotations["quench.dev/rolled-back"]; mark != "" {
					t.Errorf("what was not done is marked: %s", mark)
				}
				return
			}
			wantRetry(t, f, e)
			functiontest.Handle(t, f, e).Want(t, function.Succeeded, rollback.ReasonRolledBack)
			w.wantImage(t, "Deployment", "shop", "app:1")
		})
	}
}

func TestMarkThatCannotBeWrittenIsTold(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2")
	client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if patched(r, "replicasets") {
			return functiontest.Status(r, 403, "Forbidden"), nil
		}
		return next.RoundTrip(r)
	})
	e := functiontest.Event(t, w.alert("deployment", "shop"), w.Clock.Now())
	o := functiontest.Handle(t, w.functionOn(t, client, rollback.Options{}), e)
	o.Want(t, function.Succeeded, rollback.ReasonRolledBack)
	if !strings.Contains(o.Message, "could not mark revision 2") {
		t.Errorf("message is %q", o.Message)
	}
	w.settled(t, "Deployment", "shop", "app:1")
	w.handle(t, w.alert("pod", w.pod(t, "shop", "app:1"))).Want(t, function.Skipped, rollback.ReasonKnownBad)
}

var errKilled = errors.New("killed")

func TestCrash(t *testing.T) {
	for name, last := range map[string]func(*http.Request) bool{
		"between record and apply": func(r *http.Request) bool {
			return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/remediations")
		},
		"between apply and mark":   func(r *http.Request) bool { return patched(r, "deployments") },
		"between mark and outcome": func(r *http.Request) bool { return patched(r, "replicasets") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.releases(t, "Deployment", "shop", "app:1", "app:2")
			// A process that reaches the API server no more once the last request got through; what it holds stays held.
			var dead atomic.Bool
			client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if dead.Load() {
					return nil, errKilled
				}
				response, err := next.RoundTrip(r)
				if err == nil && last(r) {
					dead.Store(true)
					_ = response.Body.Close()
					return nil, errKilled
				}
				return response, err
			})
			e := functiontest.Event(t, w.alert("deployment", "shop"), w.Clock.Now())
			wantRetry(t, w.functionOn(t, client, rollback.Options{}), e)
			fresh := w.function(t)
			wantRetry(t, fresh, e) // the lock has not run out, or the controller has not got to it
			w.Clock.Advance(31 * time.Second)
			o := functiontest.Handle(t, fresh, e)
			o.Want(t, function.Succeeded, rollback.ReasonRolledBack)
			w.settled(t, "Deployment", "shop", "app:1")
			s := w.wantImage(t, "Deployment", "shop", "app:1")
			if left := s.of(t, "app:2"); s.revisions[0].number != 3 || left.annotations["quench.dev/rolled-back"] == "" {
				t.Errorf("history is %+v", s.revisions)
			}
			if again := functiontest.Handle(t, fresh, e); again.ID != o.ID {
				t.Errorf("redelivery is told as %s, want %s", again.ID, o.ID)
			}
		})
	}
}

func TestFourDeliveriesAtOnceAreOneRollback(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2", "app:3")
	e := functiontest.Event(t, w.alert("deployment", "shop"), w.Clock.Now())
	var told atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		f := w.function(t)
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
	w.settled(t, "Deployment", "shop", "app:2")
	w.handle(t, w.alert("deployment", "shop", "severity", "critical")).Want(t, function.Skipped, rollback.ReasonUnknownRevision)
	w.wantImage(t, "Deployment", "shop", "app:2")
}
