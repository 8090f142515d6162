package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
)

// Rotate makes a new key and publishes it, waits until functions know it, and has
// the adapter sign with it. They know it when kubelet has brought the ConfigMap to
// their pods, which takes up to two minutes. The old key goes on being believed,
// for what it has signed: see DropOld.
//
// A rotation that was cut off is gone on with, and waits only for what is left.
func (r *Ring) Rotate(ctx context.Context, wait time.Duration) error {
	s, err := r.complete(ctx)
	if err != nil {
		return err
	}
	if s.next == nil {
		if err := r.prepare(ctx, s); err != nil {
			return err
		}
	}
	next := s.next.ID()
	if _, err := r.publish(ctx, s, s.next); err != nil {
		return err
	}
	if r.DryRun {
		r.say("would sign with key %s after %s", next, wait)
		return nil
	}
	ready := s.published(next).Add(wait)
	if left := ready.Sub(r.now()); left > 0 {
		r.say("waiting until %s, when every function knows it (cut off here, it goes on the next time)", stamp(ready))
		if err := pause(ctx, left); err != nil {
			return fmt.Errorf("wait until functions know key %s: %w", next, err)
		}
	}
	// Read again: it may have taken minutes.
	if s, err = r.complete(ctx); err != nil {
		return err
	}
	if s.next == nil || s.next.ID() != next || !s.adapter.Has(next) {
		return fmt.Errorf("somebody else has changed the keys meanwhile: key %s is not the next one any more", next)
	}
	return r.promote(ctx, s)
}

// complete reads keys that fit each other.
func (r *Ring) complete(ctx context.Context) (*state, error) {
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	if s.secret == nil && s.public == nil {
		return nil, errNoKeys(r.Client.Namespace())
	}
	if problems := s.problems(); len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	return s, nil
}

// prepare keeps the next key beside the one that signs.
func (r *Ring) prepare(ctx context.Context, s *state) (err error) {
	if s.next, err = alert.NewSigningKey(); err != nil {
		return err
	}
	if s.secret.Data[nextFile], err = s.next.PEM(); err != nil {
		return err
	}
	if err := r.write(ctx, secrets, s.secret); err != nil {
		return err
	}
	r.say("made key %s, in secret %s/%s", s.next.ID(), r.Client.Namespace(), SecretName)
	return nil
}

// promote makes the next key the one that signs.
func (r *Ring) promote(ctx context.Context, s *state) error {
	old := s.signing.ID()
	s.secret.Data[KeyFile] = s.secret.Data[nextFile]
	delete(s.secret.Data, nextFile)
	if s.secret.Annotations == nil {
		s.secret.Annotations = map[string]string{}
	}
	s.secret.Annotations[SinceAnnotation] = stamp(r.now())
	if err := r.write(ctx, secrets, s.secret); err != nil {
		return err
	}
	r.say("key %s signs, as soon as the adapter has it (2 minutes at most); key %s is still believed", s.next.ID(), old)
	return nil
}

// DropOld has functions believe the key that signs, the next one and no other of
// the adapter's. What an old key signed is refused from then on, so it wants the
// key that signs to have done so for as long as after; 0 is for a key that has got
// into wrong hands.
func (r *Ring) DropOld(ctx context.Context, after time.Duration) error {
	s, err := r.complete(ctx)
	if err != nil {
		return err
	}
	var kept alert.VerifyKeys
	var dropped []string
	for _, k := range s.adapter {
		if k.Operator != "" || k.ID == s.signing.ID() || s.next != nil && k.ID == s.next.ID() {
			kept = append(kept, k)
		} else {
			dropped = append(dropped, k.ID)
		}
	}
	if len(dropped) == 0 {
		r.say("there is no old key")
		return nil
	}
	if ready := s.since().Add(after); r.now().Before(ready) {
		return fmt.Errorf("key %s signs since %s: what an old key signed may be under way until %s; wait, or say --after 0s",
			s.signing.ID(), stamp(s.since()), stamp(ready))
	}
	s.adapter = kept
	if err := r.writeBundle(ctx, s); err != nil {
		return err
	}
	r.say("no function believes key %s any more, in 2 minutes at most", strings.Join(dropped, ", "))
	return nil
}

// published is when functions were given the key.
func (s *state) published(id string) time.Time {
	for _, k := range s.adapter {
		if k.ID == id {
			return k.Published
		}
	}
	return time.Time{}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
