package function_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
)

// keys is a folder of public keys, and the private ones of those whom tests send
// events as.
type keys struct {
	folder                   string
	adapter, alice, stranger *alert.SigningKey
}

func newKeys(t *testing.T) *keys {
	t.Helper()
	k := &keys{folder: t.TempDir()}
	for _, key := range []**alert.SigningKey{&k.adapter, &k.alice, &k.stranger} {
		made, err := alert.NewSigningKey()
		if err != nil {
			t.Fatal(err)
		}
		*key = made
	}
	k.publish(t, "adapter.pem", k.adapter.Verifier("", time.Now()))
	k.publish(t, "operator-alice.pem", k.alice.Verifier("alice", time.Now()))
	return k
}

func (k *keys) publish(t *testing.T, file string, key alert.VerifyKey) {
	t.Helper()
	text, err := key.PEM()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(k.folder, file), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func sign(t *testing.T, key *alert.SigningKey, e event.Event) event.Event {
	t.Helper()
	if err := key.Sign(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

// Refused before anything is asked of the cluster, with an outcome that says why.
func TestProvenanceRefuses(t *testing.T) {
	k := newKeys(t)
	world := &functiontest.World{Clock: &functiontest.Clock{}}
	other := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "Other"}), world.Clock.Now())
	for name, test := range map[string]struct {
		change func(*event.Event)
		reason string
	}{
		"unsigned":            {func(e *event.Event) { e.SetExtension(alert.AttrSignature, nil) }, function.ReasonUnsigned},
		"another id":          {func(e *event.Event) { e.SetID(other.ID()) }, function.ReasonBadSignature},
		"another source":      {func(e *event.Event) { e.SetSource("/alertmanager/other") }, function.ReasonBadSignature},
		"another subject":     {func(e *event.Event) { e.SetSubject(other.Subject()) }, function.ReasonBadSignature},
		"another time":        {func(e *event.Event) { e.SetTime(world.Clock.Now()) }, function.ReasonBadSignature},
		"a later recording":   {func(e *event.Event) { e.SetExtension("recordedtime", world.Clock.Now().Add(time.Minute)) }, function.ReasonBadSignature},
		"another alert":       {func(e *event.Event) { e.DataEncoded = other.Data() }, function.ReasonBadSignature},
		"a signature of old":  {func(e *event.Event) { e.SetExtension(alert.AttrSignature, "deadbeef") }, function.ReasonBadSignature},
		"signed by strangers": {func(e *event.Event) { *e = sign(t, k.stranger, *e) }, function.ReasonUnknownKey},
		"another's signature": {func(e *event.Event) {
			s := sign(t, k.adapter, other.Clone())
			e.SetExtension(alert.AttrSignature, s.Extensions()[alert.AttrSignature])
		}, function.ReasonBadSignature},
	} {
		t.Run(name, func(t *testing.T) {
			planned := false
			f := build(t, world, action{func(*function.Request) ([]function.Step, error) { planned = true; return nil, nil }}, func(o *function.Options) {
				o.Locks, o.Records, o.Verify = unreachable{}, unreachable{}, function.Provenance{Keys: k.folder}
			})
			e := sign(t, k.adapter, firing(t, world))
			test.change(&e)
			o := functiontest.Handle(t, f, e)
			o.Want(t, function.Skipped, test.reason)
			if planned {
				t.Error("the action was asked")
			}
			if o.Message == "" || o.EventID != e.ID() {
				t.Errorf("outcome %s", o.Raw)
			}
		})
	}
}

// The genuine event acts, once; a copy of it that was forged does nothing, and does
// not hide it.
func TestProvenanceAdmitsTheAdaptersEvent(t *testing.T) {
	k := newKeys(t)
	w := functiontest.New(t)
	f := build(t, w, one(step{function.Plan{Target: target, Summary: "roll back"}, done}), func(o *function.Options) {
		o.Verify = function.Provenance{Keys: k.folder}
	})
	e := firing(t, w)
	functiontest.Handle(t, f, e).Want(t, function.Skipped, function.ReasonUnsigned)
	genuine := sign(t, k.adapter, e)
	functiontest.Handle(t, f, genuine).Want(t, function.Succeeded, function.ReasonDone)
	functiontest.Handle(t, f, genuine).Want(t, function.Succeeded, function.ReasonDone)
}

// Keys that come, go and change count at the next event; without any, nothing is
// decided, and the broker is asked to come again.
func TestProvenanceReadsTheKeysAgain(t *testing.T) {
	k := newKeys(t)
	world := &functiontest.World{Clock: &functiontest.Clock{}}
	f := build(t, world, action{func(*function.Request) ([]function.Step, error) { return nil, nil }}, func(o *function.Options) {
		o.Locks, o.Records, o.Verify = unreachable{}, unreachable{}, function.Provenance{Keys: k.folder}
	})
	ours, theirs := sign(t, k.adapter, firing(t, world)), sign(t, k.stranger, firing(t, world))
	functiontest.Handle(t, f, ours).Want(t, function.Skipped, function.ReasonNotConcerned)
	functiontest.Handle(t, f, theirs).Want(t, function.Skipped, function.ReasonUnknownKey)

	k.publish(t, "next.pem", k.stranger.Verifier("", time.Now()))
	functiontest.Handle(t, f, theirs).Want(t, function.Skipped, function.ReasonNotConcerned)
	functiontest.Handle(t, f, ours).Want(t, function.Skipped, function.ReasonNotConcerned)

	if err := os.Remove(filepath.Join(k.folder, "adapter.pem")); err != nil {
		t.Fatal(err)
	}
	functiontest.Handle(t, f, ours).Want(t, function.Skipped, function.ReasonUnknownKey)

	if err := os.WriteFile(filepath.Join(k.folder, "broken.pem"), []byte("-----BEGIN PUBLIC KEY-----"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantRetry(t, f, theirs, "VERIFY_KEYS_FILE: "+filepath.Join(k.folder, "broken.pem"))
	if err := os.RemoveAll(k.folder); err != nil {
		t.Fatal(err)
	}
	wantRetry(t, f, theirs, "VERIFY_KEYS_FILE: stat "+k.folder)
	if err := os.Mkdir(k.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	wantRetry(t, f, theirs, "there is no PUBLIC KEY in it")
}

// What an operator signed is never stale; the action knows who it was, and the outcome tells.
func TestProvenanceNamesTheOperator(t *testing.T) {
	k := newKeys(t)
	world := &functiontest.World{Clock: &functiontest.Clock{}}
	var by []string
	f := build(t, world, action{func(r *function.Request) ([]function.Step, error) { by = append(by, r.SignedBy); return nil, nil }}, func(o *function.Options) {
		o.Locks, o.Records, o.Verify = unreachable{}, unreachable{}, function.Provenance{Keys: k.folder}
	})
	old := firing(t, world)
	world.Clock.Advance(2 * time.Hour)
	functiontest.Handle(t, f, sign(t, k.adapter, old.Clone())).Want(t, function.Skipped, function.ReasonStale)
	hers := functiontest.Handle(t, f, sign(t, k.alice, old.Clone()))
	hers.Want(t, function.Skipped, function.ReasonNotConcerned)
	adapters := functiontest.Handle(t, f, sign(t, k.adapter, firing(t, world)))
	adapters.Want(t, function.Skipped, function.ReasonNotConcerned)
	if hers.SignedBy != "alice" || adapters.SignedBy != "" {
		t.Errorf("the outcomes name %q and %q", hers.SignedBy, adapters.SignedBy)
	}
	if len(by) != 2 || by[0] != "alice" || by[1] != "" {
		t.Errorf("the action saw %q", by)
	}
}
