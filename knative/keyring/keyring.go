// Package keyring keeps the keys of an installation on its cluster: the private one
// that the adapter signs events with in the Secret quench-signing-key, which nobody
// else mounts, and the public ones in the ConfigMap quench-verify-keys, which every
// function mounts.
//
// What may go wrong: between two steps of a change the process may end. Every order
// of writes is such that functions know a key before the adapter signs with it, and
// that running the same again goes on where it stopped. Two at once: writes are
// optimistic, and one of the two is told that somebody else was faster.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/cluster"
)

// Names on the cluster.
const (
	SecretName    = "quench-signing-key"
	ConfigMapName = "quench-verify-keys"

	KeyFile    = "key.pem"     // of the Secret: what the adapter signs with
	nextFile   = "next.pem"    // of the Secret, during a rotation: what it will sign with
	BundleFile = "adapter.pem" // of the ConfigMap: the adapter's public keys

	// SinceAnnotation of the Secret says when its key became the one that signs.
	SinceAnnotation = "quench.dev/signing-since"
)

// Ring is the keys of the installation in the client's namespace.
type Ring struct {
	Client *cluster.Client
	Now    func() time.Time // nil is time.Now
	// DryRun sends every write to the API server to be checked and not kept.
	DryRun bool
	// Say tells a person what was done, a line at a time.
	Say func(line string)
}

func (r *Ring) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

func (r *Ring) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if r.DryRun {
		line = "dry run: " + line
	}
	r.Say(line)
}

// Ensure makes keys where there are none, and publishes the key that signs where
// functions do not know it. Otherwise it changes nothing.
func (r *Ring) Ensure(ctx context.Context) error {
	s, err := r.read(ctx)
	if err != nil {
		return err
	}
	if s.secret == nil {
		if s, err = r.first(ctx, s); err != nil {
			return err
		}
	}
	published, err := r.publish(ctx, s, s.signing, s.next)
	if err == nil && len(published) == 0 {
		r.say("key %s signs, and functions know it", s.signing.ID())
	}
	return err
}

// first makes the Secret. It comes before what functions are given: whoever makes
// it has decided, once, which key it is.
func (r *Ring) first(ctx context.Context, s *state) (*state, error) {
	key, err := alert.NewSigningKey()
	if err != nil {
		return nil, err
	}
	text, err := key.PEM()
	if err != nil {
		return nil, err
	}
	secret := &corev1.Secret{Type: corev1.SecretTypeOpaque, Data: map[string][]byte{KeyFile: text}}
	secret.Name, secret.Labels = SecretName, partOf()
	secret.Annotations = map[string]string{SinceAnnotation: stamp(r.now())}
	err = r.write(ctx, secrets, secret)
	if apierrors.IsAlreadyExists(err) { // somebody was faster: theirs it is
		if s, err = r.read(ctx); err == nil && s.secret == nil {
			err = errors.New("secret " + SecretName + " was made and deleted meanwhile; run it again")
		}
		return s, err
	}
	if err != nil {
		return nil, err
	}
	s.secret, s.signing = secret, key
	r.say("made key %s, in secret %s/%s", key.ID(), r.Client.Namespace(), SecretName)
	return s, nil
}

// publish gives functions the keys that they do not know, and answers those.
func (r *Ring) publish(ctx context.Context, s *state, keys ...*alert.SigningKey) ([]string, error) {
	var added []string
	for _, k := range keys {
		if k != nil && !s.adapter.Has(k.ID()) {
			s.adapter = append(s.adapter, k.Verifier("", r.now()))
			added = append(added, k.ID())
		}
	}
	if len(added) == 0 {
		return nil, nil
	}
	if err := r.writeBundle(ctx, s); err != nil {
		return nil, err
	}
	for _, id := range added {
		r.say("published key %s, in configmap %s/%s", id, r.Client.Namespace(), ConfigMapName)
	}
	return added, nil
}

// Trust gives functions the public keys of operators, each of which replaces what
// the same operator had. The text is what quench keys new --operator writes.
func (r *Ring) Trust(ctx context.Context, text []byte) error {
	keys, err := alert.ParseVerifyKeys(text)
	if err != nil {
		return err
	}
	s, err := r.read(ctx)
	if err != nil {
		return err
	}
	if s.public == nil {
		return errNoKeys(r.Client.Namespace())
	}
	if len(keys) == 0 {
		return errors.New("there is no PUBLIC KEY in it")
	}
	for _, k := range keys {
		if k.Operator == "" {
			return fmt.Errorf("key %s is no operator's: want one with the header Operator, as quench keys new --operator NAME writes it", k.ID)
		}
		k.Published = r.now().UTC().Truncate(time.Second)
		text, err := k.PEM()
		if err != nil {
			return err
		}
		s.public.Data["operator-"+k.Operator+".pem"] = string(text)
	}
	if _, _, err := readPublic(s.public); err != nil { // such as one key for two operators
		return err
	}
	if err := r.write(ctx, configMaps, s.public); err != nil {
		return err
	}
	for _, k := range keys {
		r.say("functions believe operator %s, key %s", k.Operator, k.ID)
	}
	return nil
}

func errNoKeys(namespace string) error {
	return fmt.Errorf("namespace %s has no secret %s and configmap %s: quench keys ensure makes them", namespace, SecretName, ConfigMapName)
}
