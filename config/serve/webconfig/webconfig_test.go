package webconfig

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/bcrypt"

	"github.com/quench-dev/quench/config/serve"
)

const clientCertificates = `
  client_ca_file: ca.pem
  client_auth_type: RequireAndVerifyClientCert
`

// start serves with a web configuration in a folder with the server's keys.
func start(t *testing.T, ca *authority, config string) (addr string) {
	t.Helper()
	dir := t.TempDir()
	cert, key := ca.issue(t, "server")
	write(t, dir, "ca.pem", ca.pem)
	write(t, dir, "cert.pem", cert)
	write(t, dir, "key.pem", key)
	hook, err := Serve(write(t, dir, "web.yml", []byte(config)), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	s, err := serve.Listen(serve.Options{Addr: "127.0.0.1:0", Serve: hook, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
	})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addr().String()
}

func client(t *testing.T, ca *authority, certs ...tls.Certificate) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certs}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestClientCertificates(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	addr := start(t, ca, "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem"+clientCertificates)
	for name, tc := range map[string]struct {
		client *http.Client
		ok     bool
	}{
		"right certificate":     {client(t, ca, ca.client(t, "alertmanager")), true},
		"none":                  {client(t, ca), false},
		"another authority's":   {client(t, ca, stranger.client(t, "alertmanager")), false},
		"server is not trusted": {client(t, stranger, ca.client(t, "alertmanager")), false},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := tc.client.Post("https://"+addr+"/alert", "application/json", strings.NewReader("{}"))
			if err == nil {
				defer resp.Body.Close()
			}
			if tc.ok != (err == nil && resp.StatusCode == http.StatusAccepted) {
				t.Errorf("%v, %v", resp, err)
			}
		})
	}
	resp, err := http.Post("http://"+addr, "application/json", strings.NewReader("{}"))
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP got %s", resp.Status)
		}
	}
}

func TestPasswords(t *testing.T) {
	ca := newAuthority(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("geheim"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := fmt.Sprintf("basic_auth_users:\n  alertmanager: %s\n", hash)
	for name, tc := range map[string]struct{ scheme, config string }{
		"plain": {"http", users},
		"tls":   {"https", users + "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"},
	} {
		addr := start(t, ca, tc.config)
		for what, want := range map[string]struct {
			method, path, password string
			code                   int
		}{
			"right":                {"POST", "/alert", "geheim", 202},
			"wrong":                {"POST", "/alert", "falsch", 401},
			"none":                 {"POST", "/alert", "", 401},
			"none on metrics":      {"GET", "/metrics", "", 401},
			"none, posted to one":  {"POST", "/healthz", "", 401},
			"probes need none":     {"GET", "/readyz", "", 200},
			"func's path, no less": {"GET", "/health/liveness", "", 200},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), want.method, tc.scheme+"://"+addr+want.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if want.password != "" {
					req.SetBasicAuth("alertmanager", want.password)
				}
				resp, err := client(t, ca).Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if resp.StatusCode != want.code {
					t.Errorf("%s, want %d", resp.Status, want.code)
				}
			})
		}
	}
}

func TestServeRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ config, want string }{
		"no such field":    {"tls: {}\n", "field tls not found"},
		"no such file":     {"tls_server_config:\n  cert_file: gone.pem\n  key_file: gone.pem\n", "gone.pem"},
		"not a hash":       {"basic_auth_users:\n  me: geheim\n", "hashedSecret too short"},
		"429 for overload": {"rate_limit:\n  interval: 1s\n  burst: 1\n", "MAX_IN_FLIGHT"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Serve(write(t, t.TempDir(), "web.yml", []byte(tc.config)), zerolog.Nop())
			if err == nil || !strings.Contains(err.Error(), "WEB_CONFIG_FILE") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("err %v, want %q", err, tc.want)
			}
		})
	}
	if hook, err := Serve("", zerolog.Nop()); hook != nil || err != nil {
		t.Errorf("without a file: %v", err)
	}
}
