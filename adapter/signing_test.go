package adapter

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
)

// newKey writes a new signing key to a file, as a mounted Secret is swapped, and
// gives its public half.
func newKey(t *testing.T, file string) alert.VerifyKeys {
	t.Helper()
	key, err := alert.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.PEM()
	if err != nil {
		t.Fatal(err)
	}
	put(t, file, string(text))
	return alert.VerifyKeys{key.Verifier("", time.Now())}
}

func wantSigned(t *testing.T, keys alert.VerifyKeys, events []event.Event) {
	t.Helper()
	for _, e := range events {
		if _, err := keys.Verify(e); err != nil {
			t.Errorf("%s: %v", e.Type(), err)
		}
	}
}

// Every event is signed as the sink gets it: alerts and groups, overrides included.
func TestEveryEventIsSigned(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	keys := newKey(t, file)
	s := newSink(t)
	_, url, _ := start(t, settings(t, s.URL, func(c *config.Adapter) {
		c.SigningKeyFile, c.GroupEvents, c.CEOverrides = file, true, `{"extensions":{"cluster":"eu"}}`
	}))
	if code, text := post(t, url, payload(t, "mixed")); code != http.StatusOK {
		t.Fatalf("%d: %s", code, text)
	}
	got := s.events()
	groups := 0
	for _, e := range got {
		if !alert.IsAlert(e) {
			groups++
		}
	}
	if groups != 1 || len(got) < 3 {
		t.Fatalf("%d events, %d of them of a group", len(got), groups)
	}
	wantSigned(t, keys, got)
}

func TestWithoutAKeyNothingIsSigned(t *testing.T) {
	s := newSink(t)
	_, url, _ := start(t, settings(t, s.URL, nil))
	post(t, url, webhookOf("a"))
	got := s.events()
	if len(got) != 1 || got[0].Extensions()[alert.AttrSignature] != nil {
		t.Errorf("sent %v", got)
	}
}

// A label cannot pass for a signature.
func TestALabelIsNoSignature(t *testing.T) {
	s := newSink(t)
	_, url, _ := start(t, settings(t, s.URL, nil))
	post(t, url, []byte(strings.Replace(string(webhookOf("a")), `"pod"`, `"quench_signature":"v1.x.y","pod"`, 1)))
	got := s.events()
	if len(got) != 1 || got[0].Extensions()[alert.AttrSignature] != nil || got[0].Extensions()["label"+alert.AttrSignature] != "v1.x.y" {
		t.Errorf("sent %v", got)
	}
}

// A key that is not there yet, goes, breaks or is another: nothing is sent unsigned,
// and Alertmanager is asked to come again.
func TestSigningKeyIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	s := newSink(t)
	a, url, log := start(t, settings(t, s.URL, func(c *config.Adapter) { c.SigningKeyFile = file }))
	refused := func(why string) {
		t.Helper()
		before := len(s.events())
		if code, text := post(t, url, webhookOf("a")); code != http.StatusServiceUnavailable || len(s.events()) != before {
			t.Errorf("%d: %s; %d events sent", code, text, len(s.events())-before)
		}
		if err := a.Ready(); err == nil || !strings.HasPrefix(err.Error(), "SIGNING_KEY_FILE: ") || !strings.Contains(err.Error(), why) {
			t.Errorf("ready: %v", err)
		}
	}
	accepted := func(keys alert.VerifyKeys) {
		t.Helper()
		before := len(s.events())
		if code, text := post(t, url, webhookOf("a")); code != http.StatusOK {
			t.Errorf("%d: %s", code, text)
		}
		if err := a.Ready(); err != nil {
			t.Errorf("ready: %v", err)
		}
		if len(s.events()) != before+1 {
			t.Errorf("%d events sent", len(s.events())-before)
		}
		wantSigned(t, keys, s.events()[before:])
	}
	refused("no such file")
	accepted(newKey(t, file))
	accepted(newKey(t, file))
	put(t, file, "no key")
	refused(file + ": want one PEM block PRIVATE KEY")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	refused("no such file")
	accepted(newKey(t, file))
	for _, want := range []string{"no event is sent before there is a signing key", "signing key cannot be read", "signing key can be read again"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log does not say %q: %s", want, log)
		}
	}
}

func TestStartRefusesAWrongSigningKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	put(t, file, "geheim")
	_, err := New(settings(t, "http://sink.example/", func(c *config.Adapter) { c.SigningKeyFile = file }), nil, zerolog.Nop())
	if err == nil || err.Error() != "SIGNING_KEY_FILE: "+file+": want one PEM block PRIVATE KEY, as quench keys new writes it" {
		t.Errorf("got %v", err)
	}
}
