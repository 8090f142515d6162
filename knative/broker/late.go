package broker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Late is a subscriber that is answered for when it takes long. What is answered for counts as delivered: its failure
// reaches nobody but Done, and is lost when the process ends first. [AckAfter] makes one.
//
// The subscriber runs without the deadline of the delivery and must have one of its own. It runs in a goroutine of its
// own, so that a panic of it ends the process.
type Late struct {
	// Done is called with the end of each delivery that was answered for. The context carries the values of the
	// delivery's and has no end.
	Done func(ctx context.Context, e event.Event, reply *event.Event, err error)
	// Max is how many may be in the background at once; those above are waited for however long they take. Zero: any.
	Max int

	subscriber Subscriber
	after      time.Duration
	started    func(event.Event) event.Event

	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when running falls to zero; nil when nobody waits
}

// AckAfter decorates a subscriber: if it has not answered after the given time, or at the end of ctx if that is sooner,
// the answer is what started returns, and the subscriber goes on in the background. Its reply, when it comes, goes to
// feed, under a context that carries the delivery's values and has no end; a started event may then still be on its way.
// An error of the subscriber or of feed is lost unless Done is set to something else.
func AckAfter(s Subscriber, after time.Duration, feed func(context.Context, event.Event) error,
	started func(event.Event) event.Event,
) *Late {
	l := &Late{subscriber: s, after: after, started: started}
	l.Done = func(ctx context.Context, _ event.Event, reply *event.Event, err error) {
		if err == nil && reply != nil {
			_ = feed(ctx, *reply)
		}
	}
	return l
}

type answer struct {
	reply *event.Event
	err   error
}

// Deliver answers with the subscriber's reply or, late, with the started event.
func (l *Late) Deliver(ctx context.Context, e event.Event) (*event.Event, error) {
	unbound := context.WithoutCancel(ctx)
	answers := make(chan answer, 1)
	go func() {
		reply, err := l.subscriber.Deliver(unbound, e.Clone())
		answers <- answer{reply, err}
	}()
	timer := time.NewTimer(l.after)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.reply, a.err
	case <-timer.C:
	case <-ctx.Done():
	}
	if !l.enter() {
		a := <-answers
		return a.reply, a.err
	}
	go func() {
		defer l.leave()
		a := <-answers
		l.Done(unbound, e, a.reply, a.err)
	}()
	started := l.started(e)
	return &started, nil
}

// Drain waits until nothing is in the background. An error says how many were left when ctx ended.
func (l *Late) Drain(ctx context.Context) error {
	l.mu.Lock()
	if l.running == 0 {
		l.mu.Unlock()
		return nil
	}
	if l.idle == nil {
		l.idle = make(chan struct{})
	}
	idle := l.idle
	l.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		return fmt.Errorf("wait for %d deliveries in the background: %w", l.running, context.Cause(ctx))
	}
}

func (l *Late) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Max > 0 && l.running >= l.Max {
		return false
	}
	l.running++
	return true
}

func (l *Late) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	if l.running == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
}
