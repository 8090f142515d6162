package adapter

import (
	"context"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
)

// sendOne sends one alert's event to a handler's server.
func sendOne(t *testing.T, s *HTTPSender) error {
	t.Helper()
	return sendWithin(t, s, time.Minute)
}

func sendWithin(t *testing.T, s *HTTPSender, limit time.Duration) error {
	t.Helper()
	p, err := alert.Decode(webhookOf("a"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := (&alert.Encoder{Source: alert.Source("test")}).ToEvent(p.Alerts[0], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return s.Send(ctx, e)
}

func TestOnly2xxIsAcceptance(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(other.Close)
	for name, tc := range map[string]struct {
		code int
		body string
		want string // empty: accepted
	}{
		"200":            {200, "", ""},
		"202":            {202, "", ""},
		"204":            {204, "", ""},
		"200 with much":  {200, strings.Repeat("x", 1<<20), ""},
		"302":            {302, "", "sink answered 302"},
		"307":            {307, "", "sink answered 307"},
		"400":            {400, "no such broker\n  here", "sink answered 400: no such broker here"},
		"404":            {404, "", "sink answered 404"},
		"500 with more":  {500, strings.Repeat("x", 1<<10), "sink answered 500: " + strings.Repeat("x", 200)},
		"500 with much":  {500, strings.Repeat("x", 1<<20), "sink answered 500"},
		"503 with bytes": {503, "\xff\x00ok", "sink answered 503: \x00ok"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", other.URL)
				w.WriteHeader(tc.code)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer srv.Close()
			s, err := NewHTTPSender(settings(t, srv.URL, nil))
			if err != nil {
				t.Fatal(err)
			}
			err = sendOne(t, s)
			if got := errText(err); got != tc.want {
				t.Errorf("got %.300q, want %q", got, tc.want)
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestSinkWithPassword(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "me" || p != "geheim" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer srv.Close()
	cfg := settings(t, strings.Replace(srv.URL, "http://", "http://me:geheim@", 1)+"/a?b=c", nil)
	s, err := NewHTTPSender(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendOne(t, s); err != nil {
		t.Error(err)
	}
	if got := SinkName(cfg); got != srv.URL+"/a" {
		t.Errorf("name %q", got)
	}
}

func TestSinkWithItsOwnAuthority(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	for name, tc := range map[string]struct{ certs, sendErr, newErr string }{
		"trusted":     {ca, "", ""},
		"not trusted": {"", "certificate", ""},
		"not PEM":     {"geheim", "", "K_CA_CERTS: want certificates in PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := NewHTTPSender(settings(t, srv.URL, func(c *config.Adapter) { c.CACerts = tc.certs }))
			if !strings.Contains(errText(err), tc.newErr) || (err == nil) != (tc.newErr == "") {
				t.Fatalf("new: %v", err)
			}
			if err != nil {
				return
			}
			if err := sendOne(t, s); !strings.Contains(errText(err), tc.sendErr) || (err == nil) != (tc.sendErr == "") {
				t.Errorf("send: %v", err)
			}
		})
	}
}

// Connections are kept: waves of sends open no more than the first one did.
func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	_, at, _ := start(t, settings(t, srv.URL, func(c *config.Adapter) { c.SendConcurrency, c.MaxSends = 8, 8 }))
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() { post(t, at, many(100, string(rune('a'+i)))) })
	}
	all.Wait()
	if n := opened.Load(); n > 8 {
		t.Errorf("%d connections for 8 sends at once", n)
	}
}

// A sink that closes the connections that it kept costs no retry by Alertmanager.
func TestClosedConnection(t *testing.T) {
	var requests atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) != 2 {
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = c.Close()
	}))
	defer srv.Close()
	s, err := NewHTTPSender(settings(t, srv.URL, nil))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sendOne(t, s); err != nil {
			t.Error(err)
		}
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests, want one that was cut and sent again", n)
	}
}

// A sink that went away and is there again, as a broker's pod, has closed all connections: no send fails for it, however
// many there were.
func TestClosedConnections(t *testing.T) {
	const sends = 8
	var together sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it seen that a client has gone
		together.Done()
		here := make(chan struct{})
		go func() {
			together.Wait()
			close(here)
		}()
		select {
		case <-here: // so that each has a connection of its own
		case <-r.Context().Done(): // one of the others did not come
		}
	}))
	defer srv.Close()
	s, err := NewHTTPSender(settings(t, srv.URL, func(c *config.Adapter) { c.MaxSends = sends }))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		together.Add(sends)
		var all sync.WaitGroup
		for range sends {
			all.Go(func() {
				if err := sendWithin(t, s, 10*time.Second); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := s.client.IdleConnsCount(); n != sends {
			t.Fatalf("%d connections are kept", n)
		}
		srv.CloseClientConnections()
	}
}

// What a mesh or a proxy adds to an answer does no harm.
func TestAnswerWithALongHeader(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 10<<10))
		w.WriteHeader(http.StatusAccepted)
	}))
	defer srv.Close()
	s, err := NewHTTPSender(settings(t, srv.URL, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := sendOne(t, s); err != nil {
		t.Error(err)
	}
}

// A sink that takes connections and says nothing, not even in the TLS handshake, is given up in time.
func TestSilentSink(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes the connections
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, scheme := range []string{"http", "https"} {
		s, err := NewHTTPSender(settings(t, scheme+"://"+l.Addr().String(), func(c *config.Adapter) { c.SendTimeout = config.Duration(100 * time.Millisecond) }))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- sendWithin(t, s, 100*time.Millisecond) }()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%s: it is taken", scheme)
			}
		case <-time.After(30 * time.Second):
			t.Errorf("%s: it waits for ever", scheme)
		}
	}
}

// An error names neither the sink's password nor its user.
func TestErrorsNameNoPassword(t *testing.T) {
	srv := httptest.NewServer(nil)
	address := strings.Replace(srv.URL, "http://", "http://me:geheim@", 1)
	srv.Close()
	s, err := NewHTTPSender(settings(t, address, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := sendOne(t, s); err == nil || strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "me:") {
		t.Error(err)
	}
}
