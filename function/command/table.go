package command

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/quench-dev/quench/function"
)

// maxOver bounds how many ends of alerts are remembered.
const maxOver = 8192

// errEnding is why nothing is started any more.
var errEnding = errors.New("this process is about to end")

// table is what runs, and which alerts have resolved: under one lock, so that no
// command starts between a look and what follows from it.
type table struct {
	mu      sync.Mutex
	running map[*process]struct{}
	over    *simplelru.LRU[string, time.Time] // by fingerprint: when the end was recorded
	ending  bool
	idle    chan struct{} // closed and made anew when a process ends
	metrics *metrics
}

func newTable(m *metrics) *table {
	over, err := simplelru.NewLRU[string, time.Time](maxOver, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &table{running: map[*process]struct{}{}, over: over, idle: make(chan struct{}), metrics: m}
}

// may says whether a command may start. The lock is held.
func (t *table) may(r *Rule, fingerprint string, recorded time.Time) error {
	if t.ending {
		return function.Retry(errEnding)
	}
	if at, over := t.over.Get(fingerprint); over && !recorded.After(at) && !r.IgnoreResolved {
		return function.Skip(function.ReasonAlertResolved, "the alert has resolved since this was recorded")
	}
	n := 0
	for p := range t.running {
		if p.rule == r && p.fingerprint == fingerprint {
			n++
		}
	}
	if r.Max > 0 && n >= r.Max {
		t.metrics.skipped.WithLabelValues("fingerover").Inc()
		return function.Skip(ReasonMax, "%d of at most %d commands run for this alert already (max)", n, r.Max)
	}
	return nil
}

// check says whether a command may start now.
func (t *table) check(r *Rule, fingerprint string, recorded time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.may(r, fingerprint, recorded)
}

// start starts a process if it may.
func (t *table) start(p *process, env []string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.may(p.rule, p.fingerprint, p.recorded); err != nil {
		return err
	}
	if err := p.start(env); err != nil {
		return fmt.Errorf("start %s: %w", p.rule.Cmd, err)
	}
	t.running[p] = struct{}{}
	t.metrics.current.Inc()
	begun := time.Now()
	go func() {
		<-p.ended
		t.metrics.duration.Observe(time.Since(begun).Seconds())
		t.metrics.current.Dec()
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.running, p)
		close(t.idle)
		t.idle = make(chan struct{})
	}()
	return nil
}

// busy says whether a rule's command runs for an earlier delivery of this event.
func (t *table) busy(r *Rule, eventID string, recorded time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range t.running {
		if p.rule == r && p.eventID == eventID && p.recorded.Before(recorded) {
			return true
		}
	}
	return false
}

// note remembers that alerts have resolved, and answers how many of a rule's
// commands run for them.
func (t *table) note(r *Rule, fingerprints []string, recorded time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range fingerprints {
		if at, ok := t.over.Get(f); !ok || recorded.After(at) {
			t.over.Add(f, recorded)
		}
	}
	return len(t.of(r, fingerprints, recorded))
}

// of are a rule's commands that run for alerts that were recorded as resolved. One
// of a later delivery runs because the alert fires again. The lock is held.
func (t *table) of(r *Rule, fingerprints []string, recorded time.Time) []*process {
	var all []*process
	for p := range t.running {
		for _, f := range fingerprints {
			if p.rule == r && p.fingerprint == f && !p.recorded.After(recorded) {
				all = append(all, p)
				break
			}
		}
	}
	return all
}

// signal sends a rule's commands for resolved alerts their signal.
func (t *table) signal(r *Rule, fingerprints []string, recorded time.Time) (sent int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, p := range t.of(r, fingerprints, recorded) {
		switch err := p.over(r.Signal); {
		case err == nil:
			t.metrics.signalled.WithLabelValues("ok").Inc()
			sent++
		case !errors.Is(err, errEnded):
			t.metrics.signalled.WithLabelValues("fail").Inc()
			errs = append(errs, fmt.Errorf("process %d: %w", p.cmd.Process.Pid, err))
		}
	}
	return sent, errors.Join(errs...)
}

// drain starts nothing any more, and tells what runs to end.
func (t *table) drain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ending = true
	for p := range t.running {
		if !p.told {
			p.told = true
			_ = p.signal(syscall.SIGTERM)
		}
	}
}

// stop waits until nothing runs, and kills what still does when ctx ends.
func (t *table) stop(ctx context.Context) {
	for {
		t.mu.Lock()
		left, idle := len(t.running), t.idle
		if ctx.Err() != nil {
			for p := range t.running {
				_ = p.signal(syscall.SIGKILL)
			}
		}
		t.mu.Unlock()
		if left == 0 || ctx.Err() != nil {
			return
		}
		select {
		case <-idle:
		case <-ctx.Done():
		}
	}
}
