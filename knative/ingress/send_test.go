package ingress

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"k8s.io/client-go/rest"
)

func anEvent() event.Event {
	e := event.New()
	e.SetID("e1")
	e.SetType("io.prometheus.alertmanager.alert.firing")
	e.SetSource("/alertmanager/default")
	e.SetDataContentType("application/json")
	e.DataEncoded = []byte("{ \"a\": \"<&>\" }\n")
	return e
}

// What is sent comes whole, the data byte for byte.
func TestSend(t *testing.T) {
	var got *event.Event
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if got, err = binding.ToEvent(r.Context(), cehttp.NewMessageFromHttpRequest(r)); err != nil {
			t.Error(err)
		}
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			t.Errorf("sent as %q %q", user, password)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	s, err := To(strings.Replace(server.URL, "http://", "http://me:secret@", 1))
	if err != nil {
		t.Fatal(err)
	}
	e := anEvent()
	if err := s.Send(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if got.ID() != "e1" || string(got.Data()) != string(e.Data()) {
		t.Errorf("got %s with data %q", got.ID(), got.Data())
	}
}

func TestSendIsRefused(t *testing.T) {
	for code, final := range map[int]bool{
		http.StatusBadRequest: true, http.StatusRequestEntityTooLarge: true,
		http.StatusFound: false, http.StatusUnauthorized: false, http.StatusForbidden: false, http.StatusNotFound: false, http.StatusTooManyRequests: false, http.StatusServiceUnavailable: false,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(code)
			_, _ = w.Write([]byte("because\n of " + strings.Repeat("this", 1000)))
		}))
		s, err := To(strings.Replace(server.URL, "http://", "http://me:secret@", 1))
		if err != nil {
			t.Fatal(err)
		}
		err = s.Send(t.Context(), anEvent())
		server.Close()
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok || refused.Code != code || refused.Final() != final {
			t.Errorf("%d: %v", code, err)
		} else if text := err.Error(); !strings.Contains(text, "because of this") || len(text) > 400 || strings.Contains(text, "secret") {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestSendWithoutAnswer(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	s, err := To(strings.Replace(server.URL, "http://", "http://me:secret@", 1))
	if err != nil {
		t.Fatal(err)
	}
	s.Timeout = 50 * time.Millisecond
	err = s.Send(t.Context(), anEvent())
	if _, refused := errors.AsType[*RefusedError](err); err == nil || refused || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestTo(t *testing.T) {
	for _, address := range []string{"", "localhost:8080", "ftp://x/", "http://", "http://a:secret@[::1/"} {
		if _, err := To(address); err == nil || !strings.Contains(err.Error(), "want a URL such as") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestService(t *testing.T) {
	c, err := For(&rest.Config{Host: "https://api.example:6443/k8s/clusters/one"})
	if err != nil {
		t.Fatal(err)
	}
	const want = "https://api.example:6443/k8s/clusters/one/api/v1/namespaces/quench/services/http:archive:80/proxy/"
	if got := c.Service("quench", "archive", "http", "80").String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
