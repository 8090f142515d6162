package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Key is one key as Check tells of it.
type Key struct {
	ID    string
	Owner string // adapter, or the operator's name
	// State is signing; next, which a rotation has begun with; old, which is still
	// believed; or believed, of what people put beside the adapter's keys.
	State string
	Since time.Time // when it came to sign, or else was published; zero where that is not known
}

// Check tells which keys there are. The error says what does not fit: an adapter
// that could not sign, or a function that would not believe it.
func (r *Ring) Check(ctx context.Context) ([]Key, error) {
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	if s.secret == nil && s.public == nil {
		return nil, errNoKeys(r.Client.Namespace())
	}
	var problems []error
	for _, p := range s.problems() {
		problems = append(problems, errors.New(p))
	}
	return s.keys(), errors.Join(problems...)
}

func (s *state) problems() []string {
	var all []string
	if s.secret == nil {
		all = append(all, "there is no secret "+SecretName+": the adapter cannot sign; quench keys ensure makes a new key")
	}
	switch {
	case s.public == nil:
		all = append(all, "there is no configmap "+ConfigMapName+": functions do nothing; quench keys ensure makes it")
	case s.signing != nil && !s.adapter.Has(s.signing.ID()):
		all = append(all, fmt.Sprintf("the adapter signs with key %s, and functions do not know it: quench keys ensure publishes it", s.signing.ID()))
	}
	return all
}

func (s *state) keys() []Key {
	var all []Key
	if s.signing != nil {
		all = append(all, Key{s.signing.ID(), "adapter", "signing", s.since()})
	}
	if s.next != nil {
		all = append(all, Key{s.next.ID(), "adapter", "next", s.published(s.next.ID())})
	}
	for _, k := range s.adapter {
		if s.signing != nil && k.ID == s.signing.ID() || s.next != nil && k.ID == s.next.ID() {
			continue
		}
		all = append(all, Key{k.ID, owner(k.Operator), "old", k.Published})
	}
	for _, k := range s.others {
		all = append(all, Key{k.ID, owner(k.Operator), "believed", k.Published})
	}
	return all
}

func owner(operator string) string {
	if operator == "" {
		return "adapter"
	}
	return operator
}
