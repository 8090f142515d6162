// Package apicalls counts what is asked of an API server on behalf of one event,
// so that a log line tells whose time it was.
package apicalls

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// Calls is what one context's calls have cost so far. It may be used from several
// goroutines.
type Calls struct{ n, took atomic.Int64 }

// Total is how many calls were answered, or failed, and how long that took, from
// sending to the head of the answer, connecting included; of calls side by side it
// is the sum.
func (c *Calls) Total() (n int, took time.Duration) {
	return int(c.n.Load()), time.Duration(c.took.Load())
}

type key struct{}

// Count counts the calls that are made with the context that it returns.
func Count(ctx context.Context) (context.Context, *Calls) {
	c := &Calls{}
	return context.WithValue(ctx, key{}, c), c
}

// Transport tells whom its requests' contexts count for.
func Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	answer, err := t.next.RoundTrip(r)
	if c, ok := r.Context().Value(key{}).(*Calls); ok {
		c.n.Add(1)
		c.took.Add(int64(time.Since(began)))
	}
	return answer, err
}
