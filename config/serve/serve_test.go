package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// start runs a server on a free port; stop ends its context and gives Run's answer.
func start(t *testing.T, o Options) (base string, stop func() error) {
	t.Helper()
	o.Addr, o.Log = "127.0.0.1:0", zerolog.Nop()
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = func() error {
		cancel()
		select {
		case err := <-done:
			done <- err
			return err
		case <-time.After(10 * time.Second):
			return errors.New("the server did not stop")
		}
	}
	t.Cleanup(func() { _ = stop() })
	return "http://" + s.Addr().String(), stop
}

// get asks on a connection of its own, so that no kept one hides a refusal.
func get(t *testing.T, method, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(body)
}

// until polls a condition that another goroutine brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestProbes(t *testing.T) {
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	notReady := func() error { return errors.New("K_SINK is not set") }
	for name, tc := range map[string]struct {
		method, path string
		o            Options
		code         int
		says         string
	}{
		"alive":              {"GET", "/healthz", Options{}, 200, "ok"},
		"alive, func's path": {"GET", "/health/liveness", Options{}, 200, "ok"},
		"ready":              {"GET", "/readyz", Options{}, 200, "ok"},
		"ready, func's path": {"HEAD", "/health/readiness", Options{}, 200, ""},
		"not ready":          {"GET", "/readyz", Options{Ready: notReady}, 503, "K_SINK is not set"},
		"not ready, alive":   {"GET", "/healthz", Options{Ready: notReady}, 200, "ok"},
		"not alive":          {"GET", "/healthz", Options{Alive: notReady}, 503, "K_SINK"},
		"a webhook's path":   {"POST", "/healthz", Options{}, 418, ""},
		"any other path":     {"GET", "/", Options{}, 418, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tc.o.Handler = inner
			base, _ := start(t, tc.o)
			if code, body := get(t, tc.method, base+tc.path); code != tc.code || !strings.Contains(body, tc.says) {
				t.Errorf("%d %q, want %d %q", code, body, tc.code, tc.says)
			}
		})
	}
}

func TestDrainWaitsForRequestsUnderWay(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	base, stop := start(t, Options{DrainTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-release
		if r.Context().Err() != nil {
			t.Error("draining cancelled a request under way")
		}
		_, _ = io.WriteString(w, "done")
	})})
	answer := make(chan string, 1)
	go func() {
		_, body := get(t, "POST", base)
		answer <- body
	}()
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	until(t, "new connections are refused", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("stopped before the request was answered: %v", err)
	default:
	}
	close(release)
	if body := <-answer; body != "done" {
		t.Errorf("answer %q", body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestNotReadyButServingWhileQuietIsAwaited(t *testing.T) {
	base, stop := start(t, Options{DrainQuiet: 300 * time.Millisecond, DrainTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
	})})
	stopped := make(chan error, 1)
	begun := time.Now()
	go func() { stopped <- stop() }()
	until(t, "readiness is refused", func() bool {
		code, body := get(t, "GET", base+"/readyz")
		return code == 503 && strings.Contains(body, "shutting down")
	})
	if code, body := get(t, "POST", base); code != http.StatusAccepted {
		t.Errorf("%d %s while quiet is awaited", code, body)
	}
	if code, _ := get(t, "GET", base+"/healthz"); code != 200 {
		t.Errorf("liveness %d while draining", code)
	}
	if err := <-stopped; err != nil || time.Since(begun) < 300*time.Millisecond {
		t.Errorf("stopped after %s: %v", time.Since(begun), err)
	}
}

func TestQuietBeginsAnewWithEachRequest(t *testing.T) {
	const quiet = 200 * time.Millisecond
	d := &drainer{inner: http.NotFoundHandler()}
	done := make(chan struct{})
	begun := time.Now()
	go func() {
		d.wait(quiet, time.Minute)
		close(done)
	}()
	until(t, "draining", d.draining)
	var last time.Time
	until(t, "half of the quiet is over", func() bool {
		last = time.Now()
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		if w.Header().Get("Connection") != "close" {
			t.Error("a connection is kept while draining")
		}
		return time.Since(begun) > quiet/2
	})
	<-done
	if since := time.Since(last); since < quiet {
		t.Errorf("quiet for %s, want %s", since, quiet)
	}
}

func TestQuietIsNotAwaitedForEver(t *testing.T) {
	d := &drainer{inner: http.NotFoundHandler()}
	d.last.Store(time.Now().Add(time.Hour).UnixNano()) // requests all the time
	begun := time.Now()
	d.wait(time.Minute, 20*time.Millisecond)
	if took := time.Since(begun); took < 20*time.Millisecond || took > 5*time.Second {
		t.Errorf("waited %s, want 20ms", took)
	}
}

func TestDrainTimeoutCancels(t *testing.T) {
	begun, cancelled := make(chan struct{}), make(chan struct{})
	base, stop := start(t, Options{DrainTimeout: 50 * time.Millisecond, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(cancelled)
	})})
	go get(t, "POST", base)
	<-begun
	if err := stop(); err == nil || !strings.Contains(err.Error(), "requests still under way after 50ms") {
		t.Errorf("err %v", err)
	}
	<-cancelled
}

func TestBounds(t *testing.T) {
	s, err := Listen(Options{Addr: "127.0.0.1:0", Handler: http.NotFoundHandler(), ReadTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.l.Close()
	h := s.http
	if h.ReadHeaderTimeout != 5*time.Second || h.ReadTimeout != 5*time.Second || h.IdleTimeout <= 0 || h.MaxHeaderBytes != 64<<10 {
		t.Errorf("bounds: header %s, read %s, idle %s, %d bytes", h.ReadHeaderTimeout, h.ReadTimeout, h.IdleTimeout, h.MaxHeaderBytes)
	}
	if _, err := Listen(Options{Addr: s.Addr().String()}); err == nil || !strings.HasPrefix(err.Error(), "listen: ") {
		t.Errorf("bound twice: %v", err)
	}
}

func TestServeHookThatFails(t *testing.T) {
	_, stop := start(t, Options{Serve: func(net.Listener, *http.Server) error { return errors.New("no certificate") }})
	until(t, "Run returns the hook's error", func() bool {
		err := stop()
		return err != nil && strings.Contains(err.Error(), "no certificate")
	})
}

// A program may answer probes itself, at whatever path it was told.
func TestOwnProbes(t *testing.T) {
	base, _ := start(t, Options{OwnProbes: true, Ready: func() error { return errors.New("not asked") }, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "mine "+r.URL.Path)
	})})
	for _, path := range []string{"/healthz", "/readyz", "/health/readiness"} {
		if code, body := get(t, http.MethodGet, base+path); code != http.StatusOK || body != "mine "+path {
			t.Errorf("%s: %d %q", path, code, body)
		}
	}
}
