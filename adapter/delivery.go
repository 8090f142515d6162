package adapter

import (
	"sync"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
)

// mark is what is known of one event of a delivery.
type mark uint8

const (
	waiting  mark = iota // not accepted, and nobody is sending it
	sending              // a request has it under way
	accepted             // the sink has it
)

// delivery is one webhook's body on its way to the sink. Requests with the same
// body, a retry or two at once, share it.
type delivery struct {
	recorded time.Time   // of the first taking-in: a retry's events say the same
	trace    alert.Trace // begun with it, for requests that come without one of their own

	mu      sync.Mutex
	marks   []mark        // by event: the alerts in order, then the group
	changed chan struct{} // closed when a send ends; nil while nobody watches

	// The ledger's lock guards what follows.
	users     int // requests that work on it
	forgotten bool
}

// watch gives a channel that is closed when the next send ends. The lock is held.
func (d *delivery) watch() <-chan struct{} {
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	return d.changed
}

// tell wakes who watches. The lock is held.
func (d *delivery) tell() {
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}
