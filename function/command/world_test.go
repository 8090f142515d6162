package command_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// world is command behind the guards of all functions, with its state in a folder.
// Commands find $DIR to write to.
type world struct {
	t     *testing.T
	dir   string
	clock *functiontest.Clock
	c     *command.Command
	*function.Function
}

func newWorld(t *testing.T, commands string, o command.Options) *world {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DIR", dir)
	w := &world{t: t, dir: dir, clock: &functiontest.Clock{}}
	w.restart(commands, o)
	return w
}

// restart is the next process, with the same folder.
func (w *world) restart(commands string, o command.Options) {
	w.t.Helper()
	config, err := command.Parse("commands.yaml", []byte("commands:\n"+commands))
	if err != nil {
		w.t.Fatal(err)
	}
	w.c = command.New(config.Rules, o)
	w.Function, err = function.New(w.c, function.Options{
		Locks: &lease.Files{Dir: w.dir + "/state/locks", Function: command.Name}, Records: &record.Files{Dir: w.dir + "/state"}, Now: w.clock.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		ctx, cancel := contextWithin(20 * time.Second)
		defer cancel()
		_ = w.Stop(ctx)
	})
}

// member is one alert of a group.
type member struct {
	name     string // label instance
	resolved bool
	started  int // minutes later
}

// group is the event of a notification about alerts of one group.
func (w *world) group(members ...member) event.Event {
	w.t.Helper()
	start := time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)
	var alerts []map[string]any
	status := "resolved"
	for _, m := range members {
		a := map[string]any{
			"status": "firing", "labels": map[string]string{"alertname": "Burns", "instance": m.name}, "annotations": map[string]string{},
			"startsAt": start.Add(time.Duration(m.started) * time.Minute), "endsAt": time.Time{}, "generatorURL": "http://p", "fingerprint": "f-" + m.name,
		}
		if m.resolved {
			a["status"], a["endsAt"] = "resolved", start.Add(time.Hour)
		} else {
			status = "firing"
		}
		alerts = append(alerts, a)
	}
	body, err := json.Marshal(map[string]any{
		"version": "4", "status": status, "receiver": "executor", "groupKey": `{}:{alertname="Burns"}`, "alerts": alerts,
		"groupLabels": map[string]string{"alertname": "Burns"}, "commonLabels": map[string]string{"alertname": "Burns"},
		"commonAnnotations": map[string]string{}, "externalURL": "http://am",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.payload(body)
}

func (w *world) payload(body []byte) event.Event {
	w.t.Helper()
	p, err := alert.Decode(body)
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := (&alert.Encoder{Source: alert.Source("test")}).GroupEvent(p, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) handle(e event.Event) functiontest.Outcome {
	w.t.Helper()
	return functiontest.Handle(w.t, w.Function, e)
}

// begin hands an event over and does not wait; the outcome comes by the channel.
func (w *world) begin(e event.Event) <-chan functiontest.Outcome {
	outcome := make(chan functiontest.Outcome, 1)
	go func() {
		reply, err := w.Handle(w.t.Context(), e)
		if err != nil {
			w.t.Errorf("handle: %v", err)
			close(outcome)
			return
		}
		outcome <- functiontest.Read(w.t, reply)
	}()
	return outcome
}

// lines are those that commands wrote to a file in $DIR.
func (w *world) lines(file string) []string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, file))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// wait waits until commands have written so many lines to a file.
func (w *world) wait(file string, n int) {
	w.t.Helper()
	w.until(fmt.Sprintf("%d lines in %s", n, file), func() bool { return len(w.lines(file)) >= n })
}

func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("no %s within a minute", what)
		}
	}
}

// metric is a sample of GET /metrics, as text.
func (w *world) metric(sample string) string {
	w.t.Helper()
	r := httptest.NewRecorder()
	function.Handler(w.Function, 1<<20).ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for line := range strings.Lines(r.Body.String()) {
		if rest, ok := strings.CutPrefix(line, sample+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	w.t.Fatalf("GET /metrics has no %s:\n%s", sample, r.Body)
	return ""
}
