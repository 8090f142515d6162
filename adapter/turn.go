package adapter

import (
	"context"
	"slices"

	"github.com/quench-dev/quench/adapter/alert"
)

// turn is one request's part in a delivery. It sends each event at most once;
// what another request with the same body has under way it waits for.
type turn struct {
	*delivery
	payload *alert.Payload
	trace   alert.Trace // that came with the request, else the delivery's

	// The delivery's lock guards what follows.
	at        int   // every event before it was accepted, tried here, or passed by
	passed    []int // events that another request was sending when we came by
	workers   int
	delivered []int
	failed    []failure
}

// failure is an event that the sink did not accept, and why.
type failure struct {
	index int
	err   error
}

// await waits until there is an event to claim; false when there will be none,
// or the client has gone and none may be begun.
func (t *turn) await(ctx context.Context) bool {
	for {
		t.mu.Lock()
		next, busy := t.seek()
		var changed <-chan struct{}
		if next < 0 && busy {
			changed = t.watch()
		}
		t.mu.Unlock()
		if ctx.Err() != nil || next < 0 && !busy {
			return false
		}
		if next >= 0 {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// claim takes the next event that is to be sent. Another worker may have been
// faster since await.
func (t *turn) claim() (i int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, _ = t.seek()
	if i < 0 {
		return 0, false
	}
	t.marks[i] = sending
	if i == t.at {
		t.at++
	} else {
		t.passed = slices.DeleteFunc(t.passed, func(p int) bool { return p == i })
	}
	return i, true
}

// seek finds the next event that waits, -1 where there is none, and whether
// another request is sending one that we may have to send if it fails there. What
// this turn sends itself is neither ahead nor passed by.
func (t *turn) seek() (next int, busy bool) {
	for ; t.at < len(t.marks); t.at++ {
		switch t.marks[t.at] {
		case waiting:
			return t.at, true
		case sending:
			t.passed = append(t.passed, t.at)
		}
	}
	t.passed = slices.DeleteFunc(t.passed, func(p int) bool { return t.marks[p] == accepted })
	for _, p := range t.passed {
		if t.marks[p] == waiting {
			return p, true
		}
	}
	return -1, len(t.passed) > 0
}

// finish notes how the sending of a claimed event ended, at once: a retry may
// be waiting for it, or come while this request still sends others.
func (t *turn) finish(i int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.marks[i] = waiting
		t.failed = append(t.failed, failure{i, err})
	} else {
		t.marks[i] = accepted
		t.delivered = append(t.delivered, i)
	}
	t.tell()
}

// moreWorkers says whether another worker would find something to do, and
// counts it.
func (t *turn) moreWorkers(most int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at >= len(t.marks) || t.workers >= most {
		return false
	}
	t.workers++
	return true
}

// workerLess takes a worker back that moreWorkers counted.
func (t *turn) workerLess() {
	t.mu.Lock()
	t.workers--
	t.mu.Unlock()
}
