package serve

import (
	"net/http"
	"sync/atomic"
	"time"
)

// drainer notes when the last request came. It does what knative.dev/pkg's
// network/handlers.Drainer does, for probes that are known by their path and
// with a bound on the wait; that one brings HTTP/2 cleartext and apimachinery
// into every function binary.
type drainer struct {
	inner http.Handler
	since atomic.Int64 // when draining began, in ns; 0: it has not
	last  atomic.Int64 // when the last request came, in ns
}

func (d *drainer) draining() bool { return d.since.Load() != 0 }

func (d *drainer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.draining() {
		d.last.Store(time.Now().UnixNano())
		// A kept connection would bind its client to this pod to the end.
		w.Header().Set("Connection", "close")
	}
	d.inner.ServeHTTP(w, r)
}

// wait begins draining and returns once no request has come for quiet, or
// after most.
func (d *drainer) wait(quiet, most time.Duration) {
	begun := time.Now()
	d.since.Store(begun.UnixNano())
	for last := begun; ; last = time.Unix(0, max(d.last.Load(), begun.UnixNano())) {
		until := last.Add(quiet)
		if end := begun.Add(most); until.After(end) {
			until = end
		}
		left := time.Until(until)
		if left <= 0 {
			return
		}
		time.Sleep(left)
	}
}
