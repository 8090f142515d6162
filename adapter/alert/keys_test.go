package alert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func publicPEM(t testing.TB, k VerifyKey) string {
	t.Helper()
	text, err := k.PEM()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func privatePEM(t testing.TB, k *SigningKey) string {
	t.Helper()
	text, err := k.PEM()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Made with: openssl genpkey -algorithm ed25519; openssl pkey -pubout
const (
	opensslPrivate = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIERlKBxjf1PDl09eGx67PhpCwqFYdnWFFbNwT3MAOBb/\n-----END PRIVATE KEY-----\n"
	opensslPublic  = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAJg17cJzsfysIN8IjsWMPslyxz+DBQL9ErvC/NwJfAQ=\n-----END PUBLIC KEY-----\n"
)

func TestKeysOfOpenSSL(t *testing.T) {
	private, err := ParseSigningKey([]byte("Key of 2026\n" + opensslPrivate))
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParseVerifyKeys([]byte(opensslPublic))
	if err != nil || len(public) != 1 || public[0].ID != private.ID() || public[0].Operator != "" || !public[0].Published.IsZero() {
		t.Errorf("%+v, %v; private %s", public, err, private.ID())
	}
	if got := privatePEM(t, private); got != opensslPrivate {
		t.Errorf("written as %s", got)
	}
	if got := publicPEM(t, public[0]); got != opensslPublic {
		t.Errorf("written as %s", got)
	}
}

func TestBundle(t *testing.T) {
	adapter, alice := newKey(), newKey()
	at := time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)
	text := "what a person wrote\n" + publicPEM(t, adapter.Verifier("", at.Add(time.Millisecond))) + "\n# more\n" +
		publicPEM(t, alice.Verifier("alice", time.Time{})) + publicPEM(t, adapter.Verifier("", at.Add(time.Hour)))
	keys, err := ParseVerifyKeys([]byte(text))
	if err != nil || len(keys) != 2 {
		t.Fatalf("%+v, %v", keys, err)
	}
	if keys[0].ID != adapter.ID() || !keys[0].Published.Equal(at) || keys[1].ID != alice.ID() || keys[1].Operator != "alice" {
		t.Errorf("%+v", keys)
	}
	if !keys.Has(alice.ID()) || keys.Has("0000000000000000") {
		t.Error("Has says otherwise")
	}
}

func TestParseVerifyKeysRefuses(t *testing.T) {
	k := newKey()
	good, for63 := publicPEM(t, k.Verifier("", recorded)), strings.Repeat("a", 64)
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&foreign.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ text, want string }{
		"a private key":        {good + privatePEM(t, k), "PEM block 2: is a PRIVATE KEY, want a PUBLIC KEY"},
		"a certificate":        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is a CERTIFICATE"},
		"an ECDSA key":         {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "want an Ed25519 key"},
		"no key in the block":  {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "want an Ed25519 key"},
		"a broken block":       {good + strings.Replace(good, "-----END", "----END", 1), "2 PEM blocks begin, and 1 can be read"},
		"a block that is cut":  {good + good[:60], "2 PEM blocks begin"},
		"two owners":           {good + publicPEM(t, k.Verifier("alice", recorded)), `PEM block 2: key ` + k.ID() + ` is there twice, for operator "" and operator "alice"`},
		"a name with a blank":  {publicPEM(t, k.Verifier("alice b", recorded)), `operator "alice b": want up to 63 letters`},
		"a name that is long":  {publicPEM(t, k.Verifier(for63, recorded)), "want up to 63 letters"},
		"a time that is none":  {strings.Replace(good, "2026-11-20T", "yesterday ", 1), "header Published: "},
		"a name like a folder": {publicPEM(t, k.Verifier("..", recorded)), "want up to 63 letters"},
	} {
		t.Run(name, func(t *testing.T) {
			if keys, err := ParseVerifyKeys([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) || keys != nil {
				t.Errorf("%+v, %v; want %q", keys, err, tc.want)
			}
		})
	}
}

func TestParseSigningKeyRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "no PEM": "secret", "a public key": opensslPublic, "two keys": opensslPrivate + opensslPrivate,
		"no key in the block": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "cut": opensslPrivate[:70],
	} {
		if _, err := ParseSigningKey([]byte(text)); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// As kubelet mounts a ConfigMap: ..data points to a folder, the files through it.
func TestReadVerifyKeysOfAMountedFolder(t *testing.T) {
	adapter, alice := newKey(), newKey()
	dir := t.TempDir()
	put := func(version, name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, version), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, "new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	read := func(want ...string) {
		t.Helper()
		keys, err := ReadVerifyKeys(dir)
		if err != nil || len(keys) != len(want) {
			t.Fatalf("%+v, %v; want %s", keys, err, want)
		}
		for i, id := range want {
			if keys[i].ID != id {
				t.Errorf("key %d is %s, want %s", i, keys[i].ID, id)
			}
		}
	}
	put("..1", "adapter.pem", publicPEM(t, adapter.Verifier("", recorded)))
	link("..1", "..data")
	link("..data/adapter.pem", "adapter.pem")
	read(adapter.ID())
	put("..2", "adapter.pem", publicPEM(t, adapter.Verifier("", recorded)))
	put("..2", "operator-alice.pem", publicPEM(t, alice.Verifier("alice", recorded)))
	link("..2", "..data")
	link("..data/operator-alice.pem", "operator-alice.pem")
	read(adapter.ID(), alice.ID())
	file, err := ReadVerifyKeys(filepath.Join(dir, "adapter.pem"))
	if err != nil || len(file) != 1 {
		t.Errorf("one file: %+v, %v", file, err)
	}
}

func TestReadVerifyKeysRefuses(t *testing.T) {
	k := newKey()
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"an empty folder":          {nil, "there is no PUBLIC KEY in it"},
		"files without keys":       {map[string]string{"README": "keys go here"}, "there is no PUBLIC KEY in it"},
		"one broken of two":        {map[string]string{"a.pem": publicPEM(t, k.Verifier("", recorded)), "b.pem": "-----BEGIN PUBLIC KEY-----"}, "b.pem: 1 PEM blocks begin"},
		"one key for two":          {map[string]string{"a.pem": publicPEM(t, k.Verifier("", recorded)), "b.pem": publicPEM(t, k.Verifier("bob", recorded))}, "b.pem: key " + k.ID()},
		"a private key among them": {map[string]string{"a.pem": privatePEM(t, k)}, "a.pem: PEM block 1: is a PRIVATE KEY"},
		"larger than a megabyte":   {map[string]string{"a.pem": strings.Repeat("#", 1<<20+1)}, "more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range tc.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if keys, err := ReadVerifyKeys(dir); err == nil || !strings.Contains(err.Error(), tc.want) || keys != nil {
				t.Errorf("%+v, %v; want %q", keys, err, tc.want)
			}
		})
	}
	if _, err := ReadVerifyKeys(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("no such file: %v", err)
	}
}
