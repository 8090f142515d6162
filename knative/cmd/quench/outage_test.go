package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/quench-dev/quench/knative/broker"
	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/tests/postgres"
)

// worker is a subscriber that is broken for a while.
type worker struct {
	mu     sync.Mutex
	broken bool
	did    map[string]int
}

func (w *worker) Deliver(_ context.Context, e event.Event) (*event.Event, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		return nil, &broker.StatusError{Code: http.StatusServiceUnavailable, Body: []byte("broken")}
	}
	w.did[e.ID()]++
	return nil, nil
}

// brokerAt is an in-process broker that takes events by HTTP: its worker's dead letters go to the archive, and so does
// everything.
func brokerAt(t *testing.T, w *worker, archive string) (url string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "triggers.yaml")
	text := fmt.Sprintf(`apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: worker }
spec: { broker: default, subscriber: { ref: { apiVersion: v1, kind: Service, name: worker } }, delivery: { retry: 1, backoffDelay: PT0.01S, deadLetterSink: { uri: "%[1]s/dead-letters" } } }
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: archive }
spec: { broker: default, subscriber: { uri: "%[1]s/" } }
`, archive)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	triggers, err := trigger.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.New(triggers, func(string) (broker.Subscriber, bool) { return w, true }, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		e, err := binding.ToEvent(r.Context(), cehttp.NewMessageFromHttpRequest(r))
		if err == nil {
			err = b.Send(r.Context(), *e)
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// What nobody took in an outage waits in the archive; replayed, it is done, marked so, and waits no more. A replay in vain
// leaves it waiting.
func TestOutageIsReplayed(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { outage(t, "") })
	t.Run("PostgreSQL", func(t *testing.T) { outage(t, postgres.Start(t).Database(t)) })
}

func outage(t *testing.T, dsn string) {
	const events = 20
	archive, end, err := startArchive(t.TempDir(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	w := &worker{broken: true, did: map[string]int{}}
	to, state := brokerAt(t, w, archive), t.TempDir()
	quench := func(args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Args = append([]string{"quench"}, args...)
		c.Env = append(os.Environ(), "QUENCH_ARCHIVE="+archive, "XDG_STATE_HOME="+state, "KUBECONFIG=")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("quench %q: %v: %s", args, err, out)
		}
		return string(out)
	}
	says := func(want string, args ...string) {
		t.Helper()
		if got := quench(args...); !strings.Contains(got, want) {
			t.Errorf("quench %q says %s; want %q", args, got, want)
		}
	}
	waiting := func(want int) {
		t.Helper()
		if got := strings.Count(quench("events", "list", "--pending", "-o", "jsonl"), "\n"); got != want {
			t.Errorf("%d wait, want %d", got, want)
		}
	}
	heal := []string{"replay", "--dead-letters", "--to", to, "--yes", "--rate", "max"}
	quench("replay", "--file", alerts(t, events), "--to", to, "--yes", "--rate", "max") // as the adapter would send them
	waiting(events)
	says("20 events sent", heal...)
	waiting(events)

	w.mu.Lock()
	w.broken = false
	w.mu.Unlock()
	says("20 events sent", heal...)
	waiting(0)
	says("0 events sent", heal...)
	for id, n := range w.did {
		if n != 1 {
			t.Errorf("event %s was done %d times", id, n)
		}
	}
	if len(w.did) != events {
		t.Errorf("%d of %d were done", len(w.did), events)
	}
	says("503 replayed", "events", "list", "--dead-letters")
}
