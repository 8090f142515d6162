package executor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/knative/executor"
)

// run is an executor of these commands; its URL. Commands find $DIR.
func run(t *testing.T, commands string, change func(*executor.Options)) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DIR", dir)
	c, err := command.Parse("commands.yaml", []byte("commands:\n"+commands))
	if err != nil {
		t.Fatal(err)
	}
	o := executor.Options{
		Command: command.New(c.Rules, command.Options{}), Listen: "127.0.0.1:0", State: filepath.Join(dir, "state"), MaxBody: 1 << 20, DrainTimeout: 20 * time.Second,
	}
	if change != nil {
		change(&o)
	}
	x, err := executor.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return "http://" + x.Addr().String()
}

func ask(t *testing.T, method, url, body string) (code int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func firing(instance string) string {
	return fmt.Sprintf(`{"status":"firing","receiver":"r","groupKey":"g","commonLabels":{"alertname":"A"},"alerts":[{"status":"firing",`+
		`"labels":{"alertname":"A","instance":%q},"startsAt":"2026-11-20T22:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":%q}]}`, instance, instance)
}

func lines(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(os.Getenv("DIR") + "/" + file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

const ran = "- {cmd: /bin/sh, args: [-c, 'echo x >> $DIR/ran']}\n"

func TestAnswers(t *testing.T) {
	url := run(t, ran, nil)
	for i, test := range []struct {
		method, path, body string
		code               int
		says               string
	}{
		{http.MethodPost, "/", firing("a"), 200, ""},
		{http.MethodGet, "/", firing("b"), 200, ""},
		{http.MethodPut, "/any/path", firing("c"), 200, ""},
		{http.MethodGet, "/_health", "", 200, "ok"},
		{http.MethodPost, "/_health", "", 200, "ok"},
		{http.MethodGet, "/readyz", "", 200, "ok"},
		{http.MethodPost, "/", "", 400, "not JSON"},
		{http.MethodPost, "/", "[]", 400, "want a JSON object"},
		{http.MethodPost, "/", `{"alerts":[]}`, 400, "alerts: empty"},
		{http.MethodPost, "/", `{"alerts":[{"status":"burning","labels":{"a":"b"}}]}`, 400, "alerts[0].status"},
		{http.MethodPost, "/", strings.Repeat(" ", 1<<20+1), 413, "too large"},
		{http.MethodGet, "/metrics", "", 200, `am_executor_errors_total{stage="unmarshal"} 4`},
		{http.MethodGet, "/metrics", "", 200, `am_executor_errors_total{stage="read"} 1`},
		{http.MethodGet, "/metrics", "", 200, `am_executor_process_duration_seconds_bucket{le="1800"} 3`},
		{http.MethodGet, "/metrics", "", 200, `am_executor_signalled_total{result="ok"} 0`},
	} {
		code, text := ask(t, test.method, url+test.path, test.body)
		if code != test.code || !strings.Contains(text, test.says) {
			t.Errorf("%d: %s %s is answered with %d %q, want %d %q", i, test.method, test.path, code, text, test.code, test.says)
		}
	}
	if n := lines(t, "ran"); n != 3 {
		t.Errorf("it ran %d times", n)
	}
}

// A failure is a 500, and Alertmanager's retry runs what failed, and that alone.
func TestRetry(t *testing.T) {
	url := run(t, ran+"- {cmd: /bin/sh, args: [-c, 'echo x >> $DIR/failed; echo no luck; test -e $DIR/luck']}\n", nil)
	for range 2 {
		if code, text := ask(t, http.MethodPost, url, firing("a")); code != 500 || !strings.Contains(text, "no luck") {
			t.Fatalf("answered with %d %q", code, text)
		}
	}
	if err := os.WriteFile(os.Getenv("DIR")+"/luck", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text := ask(t, http.MethodPost, url, firing("a")); code != 200 {
		t.Fatalf("answered with %d %q", code, text)
	}
	if good, bad := lines(t, "ran"), lines(t, "failed"); good != 1 || bad != 3 {
		t.Errorf("ran %d and %d times", good, bad)
	}
	// Its repeat is within the cool-down.
	if code, text := ask(t, http.MethodPost, url, firing("a")); code != 200 || lines(t, "ran") != 1 || lines(t, "failed") != 3 {
		t.Errorf("the repeat is answered with %d %q", code, text)
	}
}

// The same webhook again while its command runs is not a second run.
func TestSameWebhookTwice(t *testing.T) {
	url := run(t, "- {cmd: /bin/sh, args: [-c, 'echo x >> $DIR/ran; while [ ! -e $DIR/end ]; do sleep 0.05; done']}\n",
		func(o *executor.Options) { o.MaxInFlight = 2 })
	first := make(chan int, 1)
	go func() {
		code, _ := ask(t, http.MethodPost, url, firing("a"))
		first <- code
	}()
	for end := time.Now().Add(time.Minute); lines(t, "ran") == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not start within a minute")
		}
	}
	if code, text := ask(t, http.MethodPost, url, firing("a")); code != 503 || !strings.Contains(text, "held by another") {
		t.Errorf("answered with %d %q", code, text)
	}
	// Another takes the last place, and one more none.
	second := make(chan int, 1)
	go func() {
		code, _ := ask(t, http.MethodPost, url, firing("b"))
		second <- code
	}()
	for end := time.Now().Add(time.Minute); lines(t, "ran") == 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the second did not start within a minute")
		}
	}
	if code, text := ask(t, http.MethodPost, url, firing("c")); code != 503 || !strings.Contains(text, "too many") {
		t.Errorf("answered with %d %q", code, text)
	}
	if err := os.WriteFile(os.Getenv("DIR")+"/end", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, code := range []int{<-first, <-second} {
		if code != 200 || lines(t, "ran") != 2 {
			t.Errorf("answered with %d; commands ran %d times", code, lines(t, "ran"))
		}
	}
}

// Past AckAfter the webhook is answered and its command goes on; a repeat meanwhile
// starts no other.
func TestAckAfter(t *testing.T) {
	url := run(t, "- {cmd: /bin/sh, args: [-c, 'echo x >> $DIR/ran; while [ ! -e $DIR/end ]; do sleep 0.05; done; echo x >> $DIR/ended']}\n",
		func(o *executor.Options) { o.AckAfter = 100 * time.Millisecond })
	for range 2 {
		if code, text := ask(t, http.MethodPost, url, firing("a")); code != 200 {
			t.Errorf("answered with %d %q", code, text)
		}
	}
	if err := os.WriteFile(os.Getenv("DIR")+"/end", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); lines(t, "ended") == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not end within a minute")
		}
	}
	if n := lines(t, "ran"); n != 1 {
		t.Errorf("it ran %d times", n)
	}
}

// An alert about a namespace that is protected on a cluster is an alert as any other
// here, and a dry run runs nothing.
func TestNoPolicy(t *testing.T) {
	system := strings.Replace(firing("a"), `"commonLabels":{`, `"commonLabels":{"namespace":"kube-system",`, 1)
	if code, text := ask(t, http.MethodPost, run(t, ran, nil), system); code != 200 || lines(t, "ran") != 1 {
		t.Errorf("answered with %d %q; it ran %d times", code, text, lines(t, "ran"))
	}
	if code, text := ask(t, http.MethodPost, run(t, ran, func(o *executor.Options) { o.DryRun = true }), system); code != 200 || lines(t, "ran") != 0 {
		t.Errorf("a dry run is answered with %d %q; it ran %d times", code, text, lines(t, "ran"))
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	dir := t.TempDir()
	crt, key := pems(t, s.TLS.Certificates[0], dir)
	url := run(t, ran, func(o *executor.Options) { o.TLSCrt, o.TLSKey = crt, key })
	resp, err := s.Client().Get(strings.Replace(url, "http:", "https:", 1) + "/_health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.TLS == nil || resp.TLS.Version < tls.VersionTLS12 {
		t.Errorf("answered with %s by %+v", resp.Status, resp.TLS)
	}
}

func TestCannotStart(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*executor.Options)
		says   string
	}{
		"state":   {func(o *executor.Options) { o.State = "/proc/nowhere" }, "state in /proc/nowhere"},
		"listen":  {func(o *executor.Options) { o.Listen = "nowhere:x" }, "listen: "},
		"TLS":     {func(o *executor.Options) { o.TLSCrt, o.TLSKey = "/none", "/none" }, "tls_crt, tls_key: "},
		"two TLS": {func(o *executor.Options) { o.TLSCrt, o.TLSKey, o.WebConfigFile = "a", "b", "c" }, "not both"},
		"web":     {func(o *executor.Options) { o.WebConfigFile = "/none" }, "/none"},
	} {
		t.Run(name, func(t *testing.T) {
			o := executor.Options{Command: command.New(nil, command.Options{}), Listen: "127.0.0.1:0", State: t.TempDir()}
			test.change(&o)
			if _, err := executor.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

// pems writes a certificate and its key to files.
func pems(t *testing.T, c tls.Certificate, dir string) (crt, key string) {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	crt, key = filepath.Join(dir, "crt.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{crt: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return crt, key
}
