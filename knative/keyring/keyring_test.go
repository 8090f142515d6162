package keyring_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/knative/keyring"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// world is a namespace for keys on a real API server.
type world struct {
	*keyring.Ring
	clock     *functiontest.Clock
	kube      *kubernetes.Clientset
	namespace string
	said      []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	config := kube.Start(t)
	namespace := kube.Namespace(t, config)
	w := &world{clock: &functiontest.Clock{}, kube: kubernetes.NewForConfigOrDie(config), namespace: namespace}
	w.Ring = &keyring.Ring{
		Client: cluster.For(config, namespace), Now: w.clock.Now, Say: func(line string) { w.said = append(w.said, line) },
	}
	return w
}

func (w *world) secret(t *testing.T) *corev1.Secret {
	t.Helper()
	s, err := w.kube.CoreV1().Secrets(w.namespace).Get(t.Context(), keyring.SecretName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) public(t *testing.T) *corev1.ConfigMap {
	t.Helper()
	c, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), keyring.ConfigMapName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// signer is what the adapter would sign with now.
func (w *world) signer(t *testing.T) *alert.SigningKey {
	t.Helper()
	k, err := alert.ParseSigningKey(w.secret(t).Data[keyring.KeyFile])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// believed are what functions would verify with now.
func (w *world) believed(t *testing.T) alert.VerifyKeys {
	t.Helper()
	var all alert.VerifyKeys
	for _, text := range w.public(t).Data {
		keys, err := alert.ParseVerifyKeys([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, keys...)
	}
	return all
}

// states are the keys by id, as Check tells of them.
func (w *world) states(t *testing.T) map[string]string {
	t.Helper()
	keys, err := w.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, k := range keys {
		states[k.ID] = k.Owner + " " + k.State
	}
	return states
}

func (w *world) wantStates(t *testing.T, want map[string]string) {
	t.Helper()
	if got := w.states(t); !maps.Equal(got, want) {
		t.Errorf("keys are %v, want %v", got, want)
	}
}

func (w *world) ensure(t *testing.T) {
	t.Helper()
	if err := w.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantFit fails the test unless functions believe what the adapter signs.
func (w *world) wantFit(t *testing.T) {
	t.Helper()
	e := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Burns"}), time.Now())
	if err := w.signer(t).Sign(&e); err != nil {
		t.Fatal(err)
	}
	if _, err := w.believed(t).Verify(e); err != nil {
		t.Error(err)
	}
}

func TestEnsureMakesKeysOnce(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "quench keys ensure makes them") {
		t.Errorf("without keys: %v", err)
	}
	w.ensure(t)
	w.wantFit(t)
	w.wantStates(t, map[string]string{w.signer(t).ID(): "adapter signing"})
	for _, labels := range []map[string]string{w.secret(t).Labels, w.public(t).Labels} {
		if labels["app.kubernetes.io/part-of"] != "quench" {
			t.Errorf("labels %v", labels)
		}
	}
	secret, public := w.secret(t), w.public(t)
	w.ensure(t)
	if w.secret(t).ResourceVersion != secret.ResourceVersion || w.public(t).ResourceVersion != public.ResourceVersion {
		t.Error("a second run wrote something")
	}
}

// Several at once, as an upgrade may have it: one key comes of it, and none that
// nobody has the private half of.
func TestEnsureSideBySide(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r := keyring.Ring{Client: w.Client, Say: func(string) {}}
			var err error
			for range 8 { // the pod is started again where it was told that another was faster
				if err = r.Ensure(context.Background()); err == nil {
					return
				}
			}
			t.Error(err)
		})
	}
	all.Wait()
	w.wantFit(t)
	w.wantStates(t, map[string]string{w.signer(t).ID(): "adapter signing"})
}

// Whatever of it was deleted, functions then believe what the adapter signs.
func TestEnsureMendsWhatIsMissing(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, w *world) error{
		"the configmap": func(t *testing.T, w *world) error {
			return w.kube.CoreV1().ConfigMaps(w.namespace).Delete(t.Context(), keyring.ConfigMapName, metav1.DeleteOptions{})
		},
		"the secret": func(t *testing.T, w *world) error {
			return w.kube.CoreV1().Secrets(w.namespace).Delete(t.Context(), keyring.SecretName, metav1.DeleteOptions{})
		},
		"the key in the configmap": func(t *testing.T, w *world) error {
			c := w.public(t)
			c.Data[keyring.BundleFile] = ""
			_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Update(t.Context(), c, metav1.UpdateOptions{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ensure(t)
			if err := spoil(t, w); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "quench keys ensure") {
				t.Errorf("check says %v", err)
			}
			w.ensure(t)
			w.wantFit(t)
		})
	}
}

// What cannot be read is left for a person to look at.
func TestBrokenKeysAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.ensure(t)
	s := w.secret(t)
	s.Data[keyring.KeyFile] = []byte("geheim")
	if _, err := w.kube.CoreV1().Secrets(w.namespace).Update(t.Context(), s, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"ensure": func() error { return w.Ensure(t.Context()) },
		"rotate": func() error { return w.Rotate(t.Context(), 0) },
		"check":  func() error { _, err := w.Check(t.Context()); return err },
	} {
		err := do()
		if err == nil || !strings.HasPrefix(err.Error(), "secret quench-signing-key, key.pem: want one PEM block") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if string(w.secret(t).Data[keyring.KeyFile]) != "geheim" {
		t.Error("the secret was changed")
	}
}

// Functions know the new key before the adapter signs with it, and the old one
// until it is dropped.
func TestRotate(t *testing.T) {
	w := newWorld(t)
	w.ensure(t)
	old := w.signer(t)

	cut, cancel := context.WithCancel(t.Context())
	w.Say = func(line string) {
		if strings.HasPrefix(line, "waiting until ") {
			cancel()
		}
	}
	if err := w.Rotate(cut, time.Hour); !errors.Is(err, context.Canceled) {
		t.Fatalf("a rotation that is cut off: %v", err)
	}
	states := w.states(t)
	if len(states) != 2 || states[old.ID()] != "adapter signing" || len(w.believed(t)) != 2 || w.signer(t).ID() != old.ID() {
		t.Fatalf("cut off while it waits: %v", states)
	}

	// It goes on with the same key, and has waited already.
	w.clock.Advance(time.Hour)
	w.Say = func(line string) { w.said = append(w.said, line) }
	if err := w.Rotate(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	current := w.signer(t)
	if states[current.ID()] != "adapter next" {
		t.Errorf("key %s signs, which was not the next one: %v", current.ID(), states)
	}
	w.wantStates(t, map[string]string{current.ID(): "adapter signing", old.ID(): "adapter old"})
	w.wantFit(t)

	if err := w.DropOld(t.Context(), time.Hour); err == nil || !strings.Contains(err.Error(), "may be under way until") {
		t.Errorf("dropped at once: %v", err)
	}
	w.wantStates(t, map[string]string{current.ID(): "adapter signing", old.ID(): "adapter old"})
	w.clock.Advance(time.Hour + time.Second)
	if err := w.DropOld(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	w.wantStates(t, map[string]string{current.ID(): "adapter signing"})
	if err := w.DropOld(t.Context(), 0); err != nil || !slices.Contains(w.said, "there is no old key") {
		t.Errorf("%v, said %q", err, w.said)
	}
	w.wantFit(t)
}

func TestRotateNeedsKeysThatFit(t *testing.T) {
	w := newWorld(t)
	if err := w.Rotate(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "quench keys ensure makes them") {
		t.Errorf("without keys: %v", err)
	}
	w.ensure(t)
	if err := w.kube.CoreV1().ConfigMaps(w.namespace).Delete(t.Context(), keyring.ConfigMapName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "there is no configmap quench-verify-keys") {
		t.Errorf("without the configmap: %v", err)
	}
}

// The API server checks what a dry run would write, and nothing is kept.
func TestDryRunChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.DryRun = true
	w.ensure(t)
	w.DryRun = false
	w.ensure(t)
	secret, public := w.secret(t), w.public(t)
	w.DryRun = true
	if err := w.Rotate(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if w.secret(t).ResourceVersion != secret.ResourceVersion || w.public(t).ResourceVersion != public.ResourceVersion {
		t.Error("a dry run wrote something")
	}
	if !strings.HasPrefix(w.said[0], "dry run: made key ") || !strings.HasPrefix(w.said[len(w.said)-1], "dry run: would sign with key ") {
		t.Errorf("said %q", w.said)
	}
}

// An operator's key is believed beside the adapter's, also after a rotation; a later
// one replaces it.
func TestTrust(t *testing.T) {
	w := newWorld(t)
	alice := func() (*alert.SigningKey, []byte) {
		k, err := alert.NewSigningKey()
		if err != nil {
			t.Fatal(err)
		}
		text, err := k.Verifier("alice", time.Time{}).PEM()
		if err != nil {
			t.Fatal(err)
		}
		return k, text
	}
	first, text := alice()
	if err := w.Trust(t.Context(), text); err == nil {
		t.Error("trusted where there are no keys")
	}
	w.ensure(t)
	if err := w.Trust(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	old := w.signer(t).ID()
	if err := w.Rotate(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	w.wantStates(t, map[string]string{old: "adapter old", w.signer(t).ID(): "adapter signing", first.ID(): "alice believed"})
	second, text := alice()
	if err := w.Trust(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := w.DropOld(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	w.wantStates(t, map[string]string{w.signer(t).ID(): "adapter signing", second.ID(): "alice believed"})

	private, err := second.PEM()
	if err != nil {
		t.Fatal(err)
	}
	adapters, err := second.Verifier("", time.Time{}).PEM()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{string(private): "is a PRIVATE KEY", string(adapters): "is no operator's", "": "there is no PUBLIC KEY in it"} {
		if err := w.Trust(t.Context(), []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// Two people at once: one is told, and no change of the other's is lost.
func TestWritesAreOptimistic(t *testing.T) {
	w := newWorld(t)
	w.ensure(t)
	w.Say = func(line string) {
		if !strings.HasPrefix(line, "waiting until ") {
			return
		}
		other := keyring.Ring{Client: w.Client, Say: func(string) {}} // finishes the rotation first
		if err := other.Rotate(context.Background(), 0); err != nil {
			t.Error(err)
		}
	}
	if err := w.Rotate(t.Context(), 2*time.Second); err == nil || !strings.Contains(err.Error(), "somebody else has changed the keys meanwhile") {
		t.Errorf("got %v", err)
	}
	w.wantFit(t)
}
