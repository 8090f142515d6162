package notifier

import (
	"context"
	"errors"
	"fmt"
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

// tell tells one receiver, under the lock of its thread.
func (n *Notifier) tell(ctx context.Context, r *Receiver, about *Notice) (err error) {
	log := n.o.Log.With().Str("event_id", about.EventID).Str("correlation_id", about.CorrelationID).
		Str("alertname", about.Name).Str("receiver", r.Name).Str("kind", about.Kind).Logger()
	defer func() {
		if p := recover(); p != nil {
			err = function.Retry(fmt.Errorf("receiver %s: panic: %v", r.Name, p))
		}
	}()
	m := &message{notice: about}
	if m.title, m.text, err = r.write(about); err != nil {
		log.Error().Err(err).Msg("the receiver's own template cannot be used; the default is")
	}
	if n.o.DryRun {
		log.Info().Str("title", m.title).Str("text", m.text).Msg("would be told")
		return nil
	}
	held, release, err := n.o.Locks.Lock(ctx, lockKey(r, about), lockWait)
	if err != nil {
		return function.Retry(err)
	}
	defer release()
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	defer context.AfterFunc(held, func() { lose(context.Cause(held)) })()

	known, err := n.recall(ctx, r, about)
	if err != nil {
		return function.Retry(fmt.Errorf("receiver %s: %w", r.Name, err))
	}
	if !known.news(about) {
		log.Debug().Msg("told before")
		return nil
	}
	if rest := r.resting(n.o.Now()); rest > 0 && !n.fits(ctx, rest) {
		return function.Retry(fmt.Errorf("receiver %s: asked to be left alone for %s", r.Name, rest.Round(time.Second)))
	}
	if m.again, err = known.try(ctx, n.o.Records, about); err != nil {
		return function.Retry(fmt.Errorf("receiver %s: %w", r.Name, err))
	}
	m.thread = known.thread
	at, failed := n.post(ctx, r, m)
	if failed != nil {
		known.failed(about, failed)
	} else {
		known.done(about, at)
	}
	n.remember(ctx, known, log)
	return told(log, r, failed)
}

// told says how it ended.
func told(log zerolog.Logger, r *Receiver, f *failure) error {
	switch {
	case f == nil:
		log.Info().Msg("told")
		return nil
	case f.final():
		log.Error().Str("reason", f.reason).Err(f).Msg("refused")
		return function.Refuse(f.reason, "receiver %s: %w", r.Name, f)
	}
	log.Warn().Bool("may_have_been_told", f.maybe).Err(f).Msg("not told")
	return function.Retry(fmt.Errorf("receiver %s: %w", r.Name, f))
}

// write renders the message; where the receiver's own template fails, by the
// default one, and err says why.
func (r *Receiver) write(about *Notice) (title, text string, err error) {
	title, text, err = r.messages.render(about)
	if err == nil {
		return title, text, nil
	}
	if r.messages.otherwise != nil {
		title, text, _ = r.messages.otherwise.render(about)
	}
	if title == "" {
		title = about.Kind + ": " + about.Name
	}
	return title, text, err
}

// post posts, and waits for a receiver that asks for it as long as there is time.
func (n *Notifier) post(ctx context.Context, r *Receiver, m *message) (thread, *failure) {
	if rest := r.resting(n.o.Now()); rest > 0 {
		pause(ctx, rest)
	}
	for {
		if ctx.Err() != nil {
			return thread{}, &failure{err: context.Cause(ctx)}
		}
		at, f := r.sender.send(ctx, m)
		if f == nil || f.after == 0 {
			return at, f
		}
		r.leave(n.o.Now().Add(f.after))
		if !n.fits(ctx, f.after) || !pause(ctx, f.after) {
			return at, f
		}
	}
}

// fits says whether there is time to wait so long, and then to post.
func (n *Notifier) fits(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > wait+margin
}

// remember writes what came of it, again and again for a while: it cannot be undone.
// An error is no reason to tell it once more.
func (n *Notifier) remember(ctx context.Context, known *memory, log zerolog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookkeeping)
	defer cancel()
	for {
		err := known.keep(ctx, n.o.Records, n.o.Now())
		if err == nil {
			return
		}
		if !pause(ctx, time.Second) {
			log.Error().Err(err).Msg("what was told cannot be remembered")
			return
		}
	}
}
