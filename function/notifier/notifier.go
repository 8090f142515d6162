package notifier

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/function"
)

// Name is the function's name.
const Name = "notifier"

// How long another message of the same thread is waited for, and what is left of
// the time for remembering.
const (
	lockWait    = 10 * time.Second
	bookkeeping = 10 * time.Second
	margin      = 3 * time.Second
)

// Options are what the notifier needs beside its receivers. Timeout bounds what one
// event may take; 0 means 25 s. Nothing is posted, locked or written in a dry run.
type Options struct {
	Locks   function.Locks
	Records function.Records
	Timeout time.Duration
	DryRun  bool
	Now     func() time.Time // nil is time.Now
	Log     zerolog.Logger
}

// Notifier is the function.
type Notifier struct {
	receivers []*Receiver
	o         Options
}

// New makes the function.
func New(receivers []*Receiver, o Options) *Notifier {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Timeout <= 0 {
		o.Timeout = 25 * time.Second
	}
	return &Notifier{receivers: receivers, o: o}
}

// Name implements function.Listener.
func (n *Notifier) Name() string { return Name }

// Listen implements function.Listener: it tells every receiver that the event
// concerns, side by side, and answers nothing. Its error is a Retry as long as one
// of them may be told later, and a Refuse where all that is left is refused.
func (n *Notifier) Listen(ctx context.Context, e event.Event) (*event.Event, error) {
	about, err := read(e)
	if err != nil {
		return nil, function.Refuse(function.ReasonBadEvent, "%w", err)
	}
	if about == nil {
		return nil, nil
	}
	// A post that has begun is ended, whatever the sender does: what came of it has to
	// be remembered.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.o.Timeout)
	defer cancel()
	results := make([]error, len(n.receivers))
	var all sync.WaitGroup
	for i, r := range n.receivers {
		if r.concerns(about.Labels) {
			all.Go(func() { results[i] = n.tell(ctx, r, about) })
		}
	}
	all.Wait()
	return nil, worst(results)
}

// worst joins errors, those first that may pass: they decide.
func worst(results []error) error {
	var later, final []error
	for _, err := range results {
		switch {
		case err == nil:
		case function.IsFinal(err):
			final = append(final, err)
		default:
			later = append(later, err)
		}
	}
	return errors.Join(slices.Concat(later, final)...)
}
