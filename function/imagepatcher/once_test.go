package imagepatcher_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/imagepatcher"
)

// wantRetry wants the answer that makes the broker come again.
func wantRetry(t *testing.T, f *function.Function, e event.Event) {
	t.Helper()
	reply, err := f.Handle(t.Context(), e)
	var result *cehttp.Result
	if reply != nil || !errors.As(err, &result) || result.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("got %v, %v, want 503", reply, err)
	}
}

func patches(r *http.Request) bool {
	return r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/deployments/")
}

func TestAPIAnswers(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1")
	for title, test := range map[string]struct {
		code   int
		answer string
		reason string // of a failure; empty: 503, then it is done
	}{
		"403":         {403, "Forbidden", function.ReasonForbidden},
		"422":         {422, "Invalid", function.ReasonInvalid},
		"404":         {404, "NotFound", function.ReasonNotFound},
		"409":         {409, "Conflict", ""},
		"429":         {429, "TooManyRequests", ""},
		"500":         {500, "InternalError", ""},
		"503":         {503, "ServiceUnavailable", ""},
		"unreachable": {0, "", ""},
	} {
		t.Run(title, func(t *testing.T) {
			name := "api-" + title
			pod := w.broken(t, name, w.image("api:1"), w.image("api:2"))
			var times atomic.Int32
			client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				switch {
				case !patches(r) || times.Add(1) > 1:
					return next.RoundTrip(r)
				case test.code == 0:
					return nil, errors.New("connection refused")
				}
				return functiontest.Status(r, test.code, test.answer), nil
			})
			f, e := w.patcherOn(t, client, lastGood), w.alert(t, pod)
			if test.reason != "" {
				deliver(t, f, e).Want(t, function.Failed, test.reason)
				w.wantImage(t, name, w.image("api:2"))
				return
			}
			wantRetry(t, f, e)
			w.wantImage(t, name, w.image("api:2"))
			deliver(t, f, e).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
			w.wantImage(t, name, w.image("api:1"))
		})
	}
}

// The real API server's own conflict: somebody sets another image between image-patcher's reading and its patch.
func TestWhatSomebodyElseChangesMeanwhileIsKept(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1")
	pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"))
	var once sync.Once
	client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if patches(r) {
			once.Do(func() { w.set(t, "api", w.image("api:of-somebody")) })
		}
		return next.RoundTrip(r)
	})
	f, e := w.patcherOn(t, client, lastGood), w.alert(t, pod)
	wantRetry(t, f, e)
	deliver(t, f, e).Want(t, function.Skipped, imagepatcher.ReasonAlreadyChanged)
	w.wantImage(t, "api", w.image("api:of-somebody"))
}

// What an admission webhook does that sets images itself, which the tests' API server has none of: it answers the
// patch with the image as it was.
func TestPatchThatIsRevertedIsAFailure(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1")
	pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"))
	client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if patches(r) {
			body, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{"touched": "yes"}}})
			if err != nil {
				return nil, err
			}
			r = r.Clone(r.Context())
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
		}
		return next.RoundTrip(r)
	})
	o := deliver(t, w.patcherOn(t, client, lastGood), w.alert(t, pod))
	o.Want(t, function.Failed, imagepatcher.ReasonReverted)
	w.wantImage(t, "api", w.image("api:2"))
}

var errKilled = errors.New("killed")

// killed is a process that reaches the API server no more after one request; what it holds stays held.
func killed(dead *atomic.Bool, after func(*http.Request) bool) func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if dead.Load() {
			return nil, errKilled
		}
		response, err := next.RoundTrip(r)
		if err == nil && response.StatusCode < 300 && after(r) {
			dead.Store(true)
			_ = response.Body.Close()
			return nil, errKilled
		}
		return response, err
	}
}

func TestCrash(t *testing.T) {
	for title, after := range map[string]func(*http.Request) bool{
		"between record and patch": func(r *http.Request) bool {
			return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/remediations")
		},
		"between patch and outcome": patches,
	} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t)
			w.have(t, "api:1")
			pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"))
			e := w.alert(t, pod)
			var dead atomic.Bool
			dying := w.patcherOn(t, w.Wiretap(killed(&dead, after)), lastGood) //nolint:bodyclose // the client closes it
			for !dead.Load() {                                                 // the Deployment's controller may be first, and that is a conflict
				wantRetry(t, dying, e)
			}
			generation := w.deployment(t, "api").Generation

			fresh := w.patcher(t, lastGood)
			wantRetry(t, fresh, e) // the lock has not run out
			w.Clock.Advance(31 * time.Second)
			o := deliver(t, fresh, e)
			o.Want(t, function.Succeeded, imagepatcher.ReasonPatched)
			w.wantImage(t, "api", w.image("api:1"))
			if now := w.deployment(t, "api").Generation; title == "between patch and outcome" && now != generation {
				t.Errorf("patched again: generation %d, was %d", now, generation)
			}
			if again := deliver(t, fresh, e); again.ID != o.ID {
				t.Errorf("redelivery is told as %s, want %s", again.ID, o.ID)
			}
		})
	}
}

func TestFourDeliveriesAtOncePatchOnce(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1")
	pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"))
	e := w.alert(t, pod)
	var patched atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		f := w.patcherOn(t, w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			if err == nil && patches(r) && response.StatusCode == http.StatusOK {
				patched.Add(1)
			}
			return response, err
		}), lastGood)
		all.Go(func() { _, _ = f.Handle(context.Background(), e) })
	}
	all.Wait()
	deliver(t, w.patcher(t, lastGood), e).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	if patched.Load() > 1 {
		t.Errorf("patched %d times", patched.Load())
	}
	w.wantImage(t, "api", w.image("api:1"))
}

// Each pod of a Deployment has an alert of its own.
func TestSecondPodsAlertFindsItDone(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1")
	pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"))
	f := w.patcher(t, lastGood)
	deliver(t, f, w.alert(t, pod)).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	second := functiontest.Alert(map[string]string{"alertname": "Other", "namespace": w.Namespace, "pod": pod.Name, "container": "app"})
	deliver(t, f, functiontest.Event(t, second, w.Clock.Now())).Want(t, function.Skipped, imagepatcher.ReasonAlreadyChanged)
}
