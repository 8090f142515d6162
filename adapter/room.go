package adapter

import (
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// small is up to where a webhook, in bytes, needs no room: one of about 80 alerts. MAX_IN_FLIGHT bounds how many
	// there are.
	small = 64 << 10
	// roomBytes bounds what is worked on of all larger ones at once. Decoded they take some three times that. It is much
	// more than what keeps MAX_SENDS busy, so that nothing is slower for it.
	roomBytes = 4 << 20
	// bodyTimeout is how long a webhook that had to wait may take to come in, then.
	bodyTimeout = 30 * time.Second
)

// room bounds memory: a large webhook is not read before there is room for it, and
// waits in its sender's socket. One that is larger than all of it has it alone.
type room struct{ of *semaphore.Weighted }

func newRoom() room { return room{semaphore.NewWeighted(roomBytes)} }

// enter waits for room for a request's body. The error is its context's.
func (m room) enter(w http.ResponseWriter, r *http.Request) (leave func(), err error) {
	n := r.ContentLength
	switch {
	case n >= 0 && n <= small:
		return func() {}, nil
	case n < 0 || n > roomBytes:
		n = roomBytes
	}
	if !m.of.TryAcquire(n) {
		if err := m.of.Acquire(r.Context(), n); err != nil {
			return nil, err
		}
		// An error is a writer without deadlines, as in a test's recorder.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	}
	return func() { m.of.Release(n) }, nil
}
