package jobresults

import (
	"slices"
	"sync"
)

// remembered bounds how many outcomes a process remembers that it told.
const remembered = 1000

// told remembers which event an outcome was the answer to. The same event that
// comes again, because the answer was lost, is answered again; another event about
// the same end is not. The zero value remembers nothing yet.
type told struct {
	mu    sync.Mutex
	cause map[string]string // by the outcome's id
	order []string
}

// claim says whether the event is the one to answer with the outcome.
func (t *told) claim(outcome, cause string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if was, ok := t.cause[outcome]; ok {
		return was == cause
	}
	if t.cause == nil {
		t.cause = map[string]string{}
	}
	if len(t.order) == remembered {
		delete(t.cause, t.order[0])
		t.order = t.order[1:]
	}
	t.cause[outcome] = cause
	t.order = append(t.order, outcome)
	return true
}

// release takes a claim back: the outcome was not told.
func (t *told) release(outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.cause, outcome)
	t.order = slices.DeleteFunc(t.order, func(o string) bool { return o == outcome })
}
