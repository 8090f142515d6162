package notifier

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/function"
)

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
