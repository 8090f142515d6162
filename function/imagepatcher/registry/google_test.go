package registry_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/quench-dev/quench/function/imagepatcher/registry"
)

const googleRegistry = "europe-west3-docker.pkg.dev"

// googleAccount is a service account's key, whose token server is one that stands in for Google's, which there is none
// of to have without an account.
func googleAccount(t *testing.T, answer func(w http.ResponseWriter)) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.FormValue("assertion") == "" {
			t.Errorf("asked %s without an assertion", r.Method)
		}
		w.Header().Set("Content-Type", "application/json")
		answer(w)
	}))
	t.Cleanup(s.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "quench@example.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": s.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
}

func TestGoogleCredential(t *testing.T) {
	googleAccount(t, func(w http.ResponseWriter) {
		fmt.Fprint(w, `{"access_token": "token-of-google", "token_type": "Bearer", "expires_in": 3600}`)
	})
	for _, host := range []string{googleRegistry, "gcr.io", "eu.gcr.io"} {
		got, ok, err := registry.Google{}.Credential(t.Context(), host)
		if err != nil || !ok {
			t.Fatal(host, ok, err)
		}
		config, err := authn.Authorization(t.Context(), got.Auth)
		if err != nil || config.Username != "oauth2accesstoken" || config.Password != "token-of-google" || got.From != "Google identity" {
			t.Errorf("%s: got %s, %v", host, got.From, err)
		}
	}
	for _, other := range []string{"index.docker.io", "gcr.io.evil.test", "evil-gcr.io", "x.docker.pkg.dev.evil.test", ecrRegistry} {
		if _, ok, err := (registry.Google{}).Credential(t.Context(), other); ok || err != nil {
			t.Errorf("%s: %t, %v", other, ok, err)
		}
	}
}

func TestGoogleRefuses(t *testing.T) {
	var denied *registry.DeniedError
	var away *registry.AwayError
	for code, is := range map[int]func(error) bool{
		400: func(err error) bool { return errors.As(err, &denied) },
		403: func(err error) bool { return errors.As(err, &denied) },
		503: func(err error) bool { return errors.As(err, &away) },
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			googleAccount(t, func(w http.ResponseWriter) { http.Error(w, `{"error": "secret-in-a-message"}`, code) })
			if _, _, err := (registry.Google{}).Credential(t.Context(), googleRegistry); err == nil || !is(err) {
				t.Errorf("got %v (%T)", err, err)
			}
		})
	}
}
