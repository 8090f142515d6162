package standalone

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/knative/trigger"
)

// planner is an action that waits for its gate, where it has one, and then plans one step.
type planner struct{ gate chan struct{} }

func (planner) Name() string { return "job-runner" }

func (p planner) Plan(_ context.Context, req *function.Request) ([]function.Step, error) {
	if p.gate != nil {
		<-p.gate
	}
	return []function.Step{step(req.Alert.Labels["pod"])}, nil
}

type step string

func (s step) Plan() function.Plan {
	return function.Plan{Target: "v1/pods/shop/" + string(s), Summary: "delete Pod shop/" + string(s)}
}

func (step) Apply(context.Context) (function.Result, error) { panic("a dry run applies nothing") }

// transcript is what people read, and may be looked at while it is written.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(b)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// running starts a standalone with the sample Triggers and answers its URL.
func running(t *testing.T, action function.Action, change func(*Options)) (url string, out *transcript) {
	t.Helper()
	f, err := function.New(action, function.Options{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	triggers, err := trigger.Load("../samples/triggers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var adapter config.Adapter
	if err := config.Load(&adapter); err != nil {
		t.Fatal(err)
	}
	out = &transcript{}
	o := Options{
		Triggers: triggers, Listen: "127.0.0.1:0", Out: out, Adapter: adapter, Log: zerolog.Nop(),
		Functions: map[string]*function.Function{"job-runner": f}, Cluster: Cluster{Server: "https://cluster.example", DryRun: true},
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.Addr().String() + "/", out
}

func post(t *testing.T, url, body string) int {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func payload(t *testing.T, alertname, pod string) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"alerts": []any{map[string]any{
		"status": "firing", "startsAt": "2026-11-20T22:00:00Z",
		"labels": map[string]string{"alertname": alertname, "namespace": "shop", "pod": pod},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func waitFor(t *testing.T, out *transcript, text string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(out.String(), text) {
		if time.Now().After(deadline) {
			t.Fatalf("never said %q:\n%s", text, out)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestOneLineForEachAlert(t *testing.T) {
	url, out := running(t, planner{}, nil)
	if code := post(t, url, payload(t, "KubePodCrashLooping", "frontend-1")); code != http.StatusOK {
		t.Fatal(code)
	}
	waitFor(t, out, "KubePodCrashLooping (shop/frontend-1): quench/crash-loop-to-job-runner → planned DryRun: delete Pod shop/frontend-1\n")
	post(t, url, payload(t, "SomethingElse", "frontend-2"))
	waitFor(t, out, "SomethingElse (shop/frontend-2): no Trigger matches\n")
	post(t, url, payload(t, "Evil\n\x1b[2J", "frontend-3"))
	waitFor(t, out, "Evil  [2J (shop/frontend-3): no Trigger matches\n")
	waitFor(t, out, "dry run: says what it would do, and does nothing")
}

// A function that takes longer than AckAfter is answered for as started; its own
// answer is told when it comes.
func TestLongWorkIsAnsweredForAsStarted(t *testing.T) {
	gate := make(chan struct{})
	url, out := running(t, planner{gate}, func(o *Options) { o.AckAfter = 10 * time.Millisecond })
	if code := post(t, url, payload(t, "KubePodCrashLooping", "frontend-1")); code != http.StatusOK {
		t.Fatal(code)
	}
	waitFor(t, out, "→ started StillRunning")
	if strings.Contains(out.String(), "planned") {
		t.Errorf("answered before it was done:\n%s", out)
	}
	close(gate)
	waitFor(t, out, "→ planned DryRun")
}

func TestLinesForMachines(t *testing.T) {
	url, out := running(t, planner{}, func(o *Options) { o.JSON = true })
	post(t, url, payload(t, "KubePodCrashLooping", "frontend-1"))
	waitFor(t, out, `"message":"alert"`)
	for line := range strings.Lines(out.String()) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if v["message"] == "alert" && (v["alertname"] != "KubePodCrashLooping" || len(v["event_id"].(string)) != 32) {
			t.Errorf("line: %v", v)
		}
	}
}

// A Trigger's subscriber that does not exist stops the start, and is named.
func TestUnknownFunction(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trigger.yaml")
	text := "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: x}\nspec:\n  broker: default\n" +
		"  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: nobody}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	triggers, err := trigger.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(Options{Triggers: triggers, Listen: "127.0.0.1:0", Functions: map[string]*function.Function{"job-runner": nil}})
	if err == nil || !strings.Contains(err.Error(), "nobody") || !strings.Contains(err.Error(), "job-runner") || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}

// The trace that a webhook comes in is that of all that comes of it, and a line for machines names it.
func TestTraceFromWebhookToOutcome(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	outcomes := make(chan http.Header, 1)
	told := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { outcomes <- r.Header }))
	t.Cleanup(told.Close)
	url, out := running(t, planner{}, func(o *Options) {
		file := filepath.Join(t.TempDir(), "outcomes.yaml")
		text := "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: outcomes, namespace: quench}\nspec:\n  broker: default\n" +
			"  filters: [{prefix: {type: dev.quench.action.}}]\n  subscriber: {uri: " + told.URL + "}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		triggers, err := trigger.Load("../samples/triggers.yaml", file)
		if err != nil {
			t.Fatal(err)
		}
		o.JSON, o.Triggers = true, triggers
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(payload(t, "KubePodCrashLooping", "frontend-1")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("traceparent", parent)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	outcome := <-outcomes
	if got := outcome.Get("Ce-Traceparent"); got != parent || outcome.Get("traceparent") != parent || outcome.Get("Ce-Type") != "dev.quench.action.planned" {
		t.Errorf("%s has the trace %q, want %q", outcome.Get("Ce-Type"), got, parent)
	}
	waitFor(t, out, `"trace_id":"0af7651916cd43dd8448eb211c80319c"`)
}
