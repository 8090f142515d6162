package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"golang.org/x/time/rate"
)

// Sender takes an event. Its error may say by Final() bool that the same event
// would be refused again; another one may pass.
type Sender interface {
	Send(ctx context.Context, e event.Event) error
}

// waits are between tries of one event that may pass.
var waits = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second}

// Sending sends what a cursor file holds.
type Sending struct {
	To   Sender
	Rate rate.Limit
	// Told is called after each event, with how many are done; may be nil.
	Told func(done, of int)
	// Retrying is called before an event is tried again; may be nil.
	Retrying func(e event.Event, err error, wait time.Duration)

	waits []time.Duration // in tests
}

// Run sends each event that is not sent yet, and returns when all are, or when ctx
// ends: then with ctx's cause, and nothing under way. An error leaves the journal
// where it can be gone on with.
func (s *Sending) Run(ctx context.Context, j *Journal) error {
	pace := rate.NewLimiter(s.Rate, 1)
	for j.Done() < j.Len() {
		if err := pace.Wait(ctx); err != nil {
			return ended(ctx, err)
		}
		e, err := j.next()
		if err != nil {
			return err
		}
		if err := s.one(ctx, j, e); err != nil {
			return err
		}
		if s.Told != nil {
			s.Told(j.Done(), j.Len())
		}
	}
	return nil
}

// ended is why ctx ended, or else the error.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// one sends an event until it is taken or refused.
func (s *Sending) one(ctx context.Context, j *Journal, e event.Event) error {
	delays := s.waits
	if delays == nil {
		delays = waits
	}
	for try := 0; ; try++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := j.sending(); err != nil {
			return err
		}
		// What is under way ends: only so is it known what became of it.
		err := s.To.Send(context.WithoutCancel(ctx), e)
		if err == nil {
			return j.settled(e.ID(), "")
		}
		var refused interface{ Final() bool }
		if errors.As(err, &refused) && refused.Final() {
			return j.settled(e.ID(), err.Error())
		}
		if try == len(delays) {
			return fmt.Errorf("event %s was not taken in %d tries: %w", e.ID(), try+1, err)
		}
		if s.Retrying != nil {
			s.Retrying(e, err, delays[try])
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(delays[try]):
		}
	}
}
