package notifier_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/kube"
	"github.com/quench-dev/quench/tests/slack"
)

func TestMain(m *testing.M) { kube.Main(m) }

// world is a notifier on a real API server, and a stand-in for Slack.
type world struct {
	*functiontest.World
	slack *slack.Server
	url   string // the stand-in's
	log   *logged
}

// logged is what was logged, by pods side by side.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := &slack.Server{}
	at := httptest.NewServer(s)
	t.Cleanup(at.Close)
	return &world{World: functiontest.New(t), slack: s, url: at.URL, log: &logged{}}
}

// file holds a secret.
func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// bot is a receiver that posts to the stand-in with a bot's token.
func (w *world) bot(t testing.TB, more string) string {
	t.Helper()
	return "- {name: ops, type: slack, channel: '" + slack.Name + "', tokenFile: " + file(t, slack.Token) + ", apiURL: " + w.url + "/api" + more + "}\n"
}

// pod is the notifier as a process of its own.
func (w *world) pod(t testing.TB, receivers string) *function.Function {
	t.Helper()
	return w.podOn(t, w.Client, receivers)
}

func (w *world) podOn(t testing.TB, client *cluster.Client, receivers string) *function.Function {
	t.Helper()
	all, err := notifier.Parse("notifier.yaml", []byte("receivers:\n"+receivers))
	if err != nil {
		t.Fatal(err)
	}
	log := zerolog.New(w.log)
	records := &record.Remediations{Client: client}
	n := notifier.New(all, notifier.Options{
		Locks:   &lease.Locker{Client: client, Function: notifier.Name, Duration: 5 * time.Second, Now: w.Clock.Now},
		Records: records, Now: w.Clock.Now, Log: log, Timeout: 20 * time.Second,
	})
	return function.Listening(n, function.Options{Records: records, RecordTTL: time.Hour, Now: w.Clock.Now, Log: log})
}

// deliver hands an event over, and fails the test where it is not told.
func deliver(t testing.TB, f *function.Function, e event.Event) {
	t.Helper()
	if reply, err := f.Handle(t.Context(), e); reply != nil || err != nil {
		t.Errorf("%s is answered with %v, %v", e.Type(), reply, err)
	}
}

// refuses hands an event over that cannot be told, and returns why.
func refuses(t testing.TB, f *function.Function, e event.Event, status string) string {
	t.Helper()
	reply, err := f.Handle(t.Context(), e)
	if reply != nil || err == nil || !strings.HasPrefix(err.Error(), status+": ") {
		t.Fatalf("answered with %v, %v; want status %s", reply, err, status)
	}
	return err.Error()
}

var crash = functiontest.Alert(map[string]string{"alertname": "PodCrashLooping", "namespace": "shop", "pod": "frontend-1", "severity": "critical"})

func firing(t testing.TB, recorded time.Time) event.Event {
	return functiontest.Event(t, crash, recorded)
}

func resolved(t testing.TB, recorded time.Time) event.Event {
	return functiontest.Event(t, functiontest.Resolved(crash), recorded)
}

// outcome is the event that a function answers the alert with.
func outcome(t testing.TB, cause event.Event, a *alert.Alert, o function.OutcomeData) event.Event {
	t.Helper()
	o.EventID = cause.ID()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	e := event.New()
	e.SetID(alert.Hash(cause.ID(), o.Function, string(o.Outcome), o.Reason))
	e.SetSource("/quench/" + o.Function)
	e.SetType(o.Outcome.Type())
	e.SetTime(time.Date(2026, 11, 20, 22, 0, 5, 0, time.UTC))
	e.SetExtension(alert.AttrCorrelationID, a.CorrelationID())
	e.SetDataContentType(event.ApplicationJSON)
	e.DataEncoded = append(append(append(data[:len(data)-1], `,"alert":`...), a.Data()...), '}')
	return e
}

func rolledBack(t testing.TB, cause event.Event) event.Event {
	return outcome(t, cause, crash, function.OutcomeData{
		Function: "rollback", Outcome: function.Succeeded, Reason: "RolledBack", Message: "rolled back to revision 3", Target: "apps/v1/deployments/shop/frontend",
		Actions: []function.Acted{{Outcome: function.Succeeded, Message: "rolled back to revision 3", Changes: []function.Change{{Op: "patch", Diff: "-image: a\n+image: b"}}}},
	})
}

func looked(t testing.TB, cause event.Event) event.Event {
	t.Helper()
	e, err := enriched.ToEvent(cause, crash, enriched.Data{
		Reason: "CrashLoopBackOff", Message: "container app of pod frontend-1 crashes", Target: "apps/v1/deployments/shop/frontend",
		Containers: []enriched.Container{{Name: "app", State: "waiting", Reason: "CrashLoopBackOff", Restarts: 7, Last: &enriched.Ended{Reason: "Error", ExitCode: 3}}},
		Logs:       []enriched.Log{{Container: "app", Text: "connecting\nDB_PASSWORD=***\n"}},
		Suggestion: &enriched.Suggestion{Text: "Look at the log.", Runbook: "https://runbooks.example/crash"},
	}, time.Date(2026, 11, 20, 22, 0, 3, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return e
}
