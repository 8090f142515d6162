package broker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/broker"
	"github.com/quench-dev/quench/knative/trigger"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// load makes Triggers of a line each: "name | filters | delivery | subscriber", the last three as YAML, the subscriber a
// function of the Trigger's name if it is empty.
func load(t *testing.T, lines ...string) []*trigger.Trigger {
	t.Helper()
	var docs []string
	for _, line := range lines {
		fields := append(strings.Split(line, "|"), "", "", "")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		doc := "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: " + fields[0] + "}\nspec:\n" +
			"  broker: default\n"
		if fields[1] != "" {
			doc += "  filters: " + fields[1] + "\n"
		}
		if fields[2] != "" {
			doc += "  delivery: " + fields[2] + "\n"
		}
		if fields[3] == "" {
			fields[3] = ref(fields[0])
		}
		docs = append(docs, doc+"  subscriber: "+fields[3]+"\n")
	}
	file := filepath.Join(t.TempDir(), "triggers.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(docs, "---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	triggers, err := trigger.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return triggers
}

func ref(name string) string {
	return "{ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: " + name + "}}"
}

// functions are subscribers by name.
type functions map[string]broker.Subscriber

func (f functions) resolve(name string) (broker.Subscriber, bool) {
	s, ok := f[name]
	return s, ok
}

func start(t *testing.T, f functions, options broker.Options, lines ...string) *broker.Broker {
	t.Helper()
	if options.Sleep == nil {
		options.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	b, err := broker.New(load(t, lines...), f.resolve, options)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func alert(id string) event.Event {
	e := event.New()
	e.SetID(id)
	e.SetType("alert")
	e.SetSource("/alertmanager/default")
	e.SetExtension("alertname", "DiskFull")
	_ = e.SetData("application/json", map[string]string{"status": "firing"})
	return e
}

func outcome(id string) *event.Event {
	e := event.New()
	e.SetID(id)
	e.SetType("outcome")
	e.SetSource("/quench/test")
	return &e
}

// recorder is a subscriber that keeps what it gets and answers what it is told.
type recorder struct {
	mu     sync.Mutex
	events []event.Event
	answer func(n int, e event.Event) (*event.Event, error) // n counts from 1; nil answers nothing
}

func (r *recorder) Deliver(_ context.Context, e event.Event) (*event.Event, error) {
	r.mu.Lock()
	r.events = append(r.events, e)
	n := len(r.events)
	r.mu.Unlock()
	if r.answer == nil {
		return nil, nil
	}
	return r.answer(n, e)
}

func (r *recorder) got() []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func (r *recorder) ids() string {
	var ids []string
	for _, e := range r.got() {
		ids = append(ids, e.ID())
	}
	return strings.Join(ids, " ")
}

func replies(reply func(n int) *event.Event) *recorder {
	return &recorder{answer: func(n int, _ event.Event) (*event.Event, error) { return reply(n), nil }}
}

func fails(err error) *recorder {
	return &recorder{answer: func(int, event.Event) (*event.Event, error) { return nil, err }}
}

func TestSendToEveryMatch(t *testing.T) {
	a, b, c := &recorder{}, &recorder{}, &recorder{}
	var matched []string
	observe := broker.Observer{Received: func(_ event.Event, triggers []string) { matched = triggers }}
	br := start(t, functions{"a": a, "b": b, "c": c}, broker.Options{Observe: observe},
		"a", "b | [{exact: {alertname: DiskFull}}]", "c | [{exact: {alertname: Other}}]")

	if err := br.Send(t.Context(), alert("1")); err != nil {
		t.Fatal(err)
	}
	if a.ids() != "1" || b.ids() != "1" || c.ids() != "" {
		t.Errorf("a got %q, b %q, c %q", a.ids(), b.ids(), c.ids())
	}
	if got := strings.Join(matched, " "); got != "default/a default/b" {
		t.Errorf("observed matches: %s", got)
	}
	got := a.got()[0]
	if _, ok := got.Extensions()["knativebrokerttl"]; ok {
		t.Error("a subscriber sees knativebrokerttl")
	}
	if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got.Extensions()["knativearrivaltime"])); err != nil {
		t.Errorf("knativearrivaltime: %v", err)
	}
	if string(got.Data()) != `{"status":"firing"}` {
		t.Errorf("data: %s", got.Data())
	}
}

func TestSendMatchesNothing(t *testing.T) {
	a := &recorder{}
	br := start(t, functions{"a": a}, broker.Options{}, "a | [{exact: {alertname: Other}}]")
	if err := br.Send(t.Context(), alert("1")); err != nil || a.ids() != "" {
		t.Errorf("error %v, got %q", err, a.ids())
	}
}

func TestSendRefusesInvalidEvents(t *testing.T) {
	a := &recorder{}
	br := start(t, functions{"a": a}, broker.Options{}, "a")
	noType := alert("1")
	noType.SetType("")
	for name, e := range map[string]event.Event{"empty": {}, "no type": noType} {
		if err := br.Send(t.Context(), e); err == nil || !strings.Contains(err.Error(), "status 400") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if a.ids() != "" {
		t.Errorf("delivered %q", a.ids())
	}
}

// TestSendIsBounded has more deliveries than may run at once, of two senders, and lets them go when it has seen that no
// more than those begin.
func TestSendIsBounded(t *testing.T) {
	const bound = 2
	begun, release := make(chan struct{}, 16), make(chan struct{})
	var mu sync.Mutex
	running, most := 0, 0
	slow := broker.SubscriberFunc(func(context.Context, event.Event) (*event.Event, error) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		begun <- struct{}{}
		<-release
		mu.Lock()
		running--
		mu.Unlock()
		return nil, nil
	})
	br := start(t, functions{"s": slow}, broker.Options{Concurrency: bound},
		"a|||"+ref("s"), "b|||"+ref("s"), "c|||"+ref("s"), "d|||"+ref("s"))
	var sends sync.WaitGroup
	for i := range 2 {
		sends.Go(func() {
			if err := br.Send(t.Context(), alert(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	for range bound {
		wait(t, begun)
	}
	close(release)
	sends.Wait()
	if most != bound {
		t.Errorf("%d deliveries ran at once, want %d", most, bound)
	}
}

func wait[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("waited in vain")
		panic("unreachable")
	}
}

func TestPanicIsAFailure(t *testing.T) {
	boom := broker.SubscriberFunc(func(context.Context, event.Event) (*event.Event, error) { panic("boom") })
	br := start(t, functions{"a": boom}, broker.Options{}, "a")
	if err := br.Send(t.Context(), alert("1")); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("error %v", err)
	}
}

func TestFilterThatPanicsIsAFailure(t *testing.T) {
	a, dead := &recorder{}, &recorder{}
	filter := "a | [{cesql: alertname}]"
	err := start(t, functions{"a": a}, broker.Options{}, filter).Send(t.Context(), alert("1"))
	if err == nil || !strings.Contains(err.Error(), "default/a") || !strings.Contains(err.Error(), "not a boolean") {
		t.Errorf("error %v", err)
	}
	br := start(t, functions{"a": a, "dead": dead}, broker.Options{}, filter+"| {retry: 3, deadLetterSink: "+ref("dead")+"}")
	if err := br.Send(t.Context(), alert("1")); err != nil || dead.ids() != "1" || a.ids() != "" {
		t.Errorf("error %v, dead-lettered %q, delivered %q", err, dead.ids(), a.ids())
	}
}
