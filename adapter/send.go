package adapter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// placeTime is how long a worker keeps its place where others wait for one: handing it on costs as much as a fast send.
const placeTime = time.Millisecond

// send works a turn off, its events side by side, and returns when none is
// under way any more.
//
// A worker holds a place among all sends for one send, or as many as go into
// placeTime, and queues for the next one behind the other webhooks' workers. It
// starts another worker only where a place is free that instant. So a large
// webhook has as many workers as it can use, a small one beside it waits its turn
// and no longer, and there are never more goroutines than places and webhooks.
func (a *Adapter) send(ctx context.Context, t *turn) {
	t.workers = 1
	var all sync.WaitGroup
	a.work(ctx, t, &all, false)
	all.Wait()
}

// work sends event after event; placed says that it holds a place already.
func (a *Adapter) work(ctx context.Context, t *turn, all *sync.WaitGroup, placed bool) {
	for t.await(ctx) {
		if !placed && !a.place(ctx) {
			return
		}
		placed = false
		for since := time.Now(); ctx.Err() == nil && time.Since(since) < placeTime; {
			i, ok := t.claim()
			if !ok {
				break
			}
			a.spread(ctx, t, all)
			t.finish(i, a.sendOne(ctx, t, i))
		}
		<-a.sends
	}
	if placed {
		<-a.sends
	}
}

// place waits for a place among all sends; false when the client has gone.
func (a *Adapter) place(ctx context.Context) bool {
	select {
	case a.sends <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// spread starts one more worker where there is something for it and a place.
func (a *Adapter) spread(ctx context.Context, t *turn, all *sync.WaitGroup) {
	if !t.moreWorkers(a.sendsPerHook) {
		return
	}
	select {
	case a.sends <- struct{}{}:
		all.Go(func() { a.work(ctx, t, all, true) })
	default:
		t.workerLess()
	}
}

// sendOne sends the turn's event i. The client's leaving does not stop it: the
// sink may have taken the event already, and only its answer tells.
func (a *Adapter) sendOne(ctx context.Context, t *turn, i int) error {
	e, err := a.event(t, i)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.sendTimeout)
	defer cancel()
	a.metrics.sendsInFlight.Inc()
	begun := time.Now()
	err = a.sender.Send(ctx, e)
	a.metrics.sendDuration.Observe(time.Since(begun).Seconds())
	a.metrics.sendsInFlight.Dec()
	if err != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
		return fmt.Errorf("no answer within SEND_TIMEOUT (%s): %w", a.sendTimeout, err)
	}
	if err == nil {
		a.metrics.delivered.Inc()
	}
	return err
}

// event makes event i, only now that it is sent: a thousand alerts that wait
// cost their JSON and no more. The group's event comes after the alerts'.
func (a *Adapter) event(t *turn, i int) (e event.Event, err error) {
	if i == len(t.payload.Alerts) {
		e, err = a.encoder.GroupEvent(t.payload, t.recorded)
	} else {
		e, err = a.encoder.ToEvent(t.payload.Alerts[i], t.recorded)
	}
	if err != nil {
		return e, err
	}
	a.overrides.apply(&e)
	t.trace.SetEvent(&e)
	return e, a.sign(&e)
}
