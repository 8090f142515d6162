package functiontest

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
)

// What follows is about effects outside the cluster: the function is cut off by the
// API server's being out of reach for it from one request on.

// lostRecord: that it is begun is recorded, and the answer to that is lost.
func lostRecord(t *testing.T, x *trial) {
	x.cutOff(t, x.Acts, true, 0)
}

// diedBefore: that it is begun is recorded, and nothing arrives from then on.
func diedBefore(t *testing.T, x *trial) {
	x.cutOff(t, x.Acts, false, 0)
}

// diedAfter: it has acted, and how it ended does not arrive.
func diedAfter(t *testing.T, x *trial) {
	x.cutOff(t, func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/status") && strings.Contains(r.URL.Path, "/remediations/")
	}, false, 1)
}

// cutOff has the first request that is one be lost, which the API server takes in
// if it records a begin, and all after it unless they pass. The next delivery says
// that what became of it is unknown, and the effect is there so often and no oftener.
func (x *trial) cutOff(t *testing.T, is func(*http.Request) bool, pass bool, effects int) {
	t.Helper()
	var met atomic.Bool
	e := x.event(t, 0)
	first := x.pod(t, x.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		switch {
		case met.Load() && !pass:
			return nil, errLost
		case met.Load() || !is(r):
			return next.RoundTrip(r)
		}
		if x.Acts(r) {
			resp, err := next.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			resp.Body.Close()
		}
		met.Store(true)
		return nil, errLost
	}), "{}")
	if reply, err := first.Handle(t.Context(), e); reply != nil || err == nil || !met.Load() {
		t.Fatalf("met it: %v; answered %v, %v", met.Load(), reply, err)
	}
	x.wantEffects(t, effects)
	x.Clock.Advance(time.Minute) // its lock has run out
	for range 2 {
		deliver(t, x.pod(t, x.Client, "{}"), e).Want(t, function.Failed, function.ReasonUnknown)
	}
	x.wantEffects(t, effects)
}
