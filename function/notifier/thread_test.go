package notifier_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/slack"
)

// Firing, what was found, what was done and resolved stand in one thread, though a pod of its own tells each.
func TestOneThreadForAnIncarnation(t *testing.T) {
	w := newWorld(t)
	now := w.Clock.Now()
	e := firing(t, now)
	for _, one := range []event.Event{e, looked(t, e), rolledBack(t, e), resolved(t, now.Add(time.Minute))} {
		deliver(t, w.pod(t, w.bot(t, "")), one)
	}
	got := w.slack.Messages()
	if len(got) != 4 {
		t.Fatalf("%d messages, want 4: %+v\n%s", len(got), got, w.log)
	}
	for i, want := range []string{"🔥 PodCrashLooping is firing (critical)", "🔎 PodCrashLooping: CrashLoopBackOff", "🔧 rollback succeeded: RolledBack (PodCrashLooping)", "✅ PodCrashLooping is resolved"} {
		if got[i].Text != want || got[i].Channel != slack.Channel {
			t.Errorf("message %d is %q in %s, want %q", i, got[i].Text, got[i].Channel, want)
		}
		if want := got[0].TS; i == 0 && got[i].Thread != "" || i > 0 && got[i].Thread != want {
			t.Errorf("message %d stands in the thread %q", i, got[i].Thread)
		}
	}
	all, err := (&record.Remediations{Client: w.Client}).Find(t.Context(), record.Query{Function: "notifier"})
	if err != nil || len(all) != 1 || all[0].Target != "slack/ops" || all[0].CorrelationID != crash.CorrelationID() || !all[0].Done() || all[0].Attempts != 4 {
		t.Errorf("records %+v, %v", all, err)
	}
}

// Each thing is told once: not when it is delivered again, nor when Alertmanager repeats it, nor when it comes late.
func TestNothingIsToldTwice(t *testing.T) {
	w := newWorld(t)
	start := w.Clock.Now()
	e := firing(t, start)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	for _, step := range []struct {
		what string
		e    event.Event
		want int // messages so far
	}{
		{"it fires", e, 1},
		{"delivered again", e, 1},
		{"repeated", firing(t, at(1)), 1},
		{"acted on", rolledBack(t, e), 2},
		{"that again", rolledBack(t, e), 2},
		{"looked at", looked(t, e), 3},
		{"that again", looked(t, e), 3},
		{"resolved", resolved(t, at(10)), 4},
		{"that again", resolved(t, at(10)), 4},
		{"resolved, repeated", resolved(t, at(11)), 4},
		{"fires, delivered late", firing(t, at(5)), 4},
		{"fires again, with the start that it had", firing(t, at(20)), 5},
		{"that again", firing(t, at(20)), 5},
		{"resolved, delivered late", resolved(t, at(12)), 5},
		{"resolved for good", resolved(t, at(30)), 6},
	} {
		deliver(t, w.pod(t, w.bot(t, "")), step.e)
		if got := len(w.slack.Messages()); got != step.want {
			t.Errorf("%s: %d messages, want %d", step.what, got, step.want)
		}
	}
	for i, m := range w.slack.Messages() {
		if i > 0 && m.Thread != w.slack.Messages()[0].TS {
			t.Errorf("%q is beside the thread", m.Text)
		}
	}
}

// Pods side by side tell an event once, and everything in one thread.
func TestSideBySide(t *testing.T) {
	w := newWorld(t)
	e := firing(t, w.Clock.Now())
	var all sync.WaitGroup
	for range 3 {
		for _, one := range []event.Event{e, rolledBack(t, e)} {
			f := w.pod(t, w.bot(t, ""))
			all.Go(func() { deliver(t, f, one) })
		}
	}
	all.Wait()
	got := w.slack.Messages()
	if len(got) != 2 || got[0].Thread != "" || got[1].Thread != got[0].TS {
		t.Errorf("got %+v", got)
	}
}

// A thread whose first message was deleted is left; what follows stands in another.
func TestThreadThatWasDeleted(t *testing.T) {
	w := newWorld(t)
	e := firing(t, w.Clock.Now())
	f := w.pod(t, w.bot(t, ""))
	deliver(t, f, e)
	w.slack.Delete(w.slack.Messages()[0].TS)
	deliver(t, f, rolledBack(t, e))
	deliver(t, f, looked(t, e))
	if got := w.slack.Messages(); len(got) != 2 || got[0].Thread != "" || got[1].Thread != got[0].TS {
		t.Errorf("got %+v", got)
	}
}

// Another incarnation of the alert, and another receiver, has a thread of its own.
func TestThreadsAreApart(t *testing.T) {
	w := newWorld(t)
	later := *crash
	later.StartsAt = crash.StartsAt.Add(time.Hour)
	receivers := w.bot(t, "") + strings.Replace(w.bot(t, ""), "name: ops", "name: dev", 1)
	f := w.pod(t, receivers)
	deliver(t, f, firing(t, w.Clock.Now()))
	deliver(t, f, functiontest.Event(t, &later, w.Clock.Now()))
	got := w.slack.Messages()
	if len(got) != 4 {
		t.Fatalf("%d messages, want 4", len(got))
	}
	for _, m := range got {
		if m.Thread != "" {
			t.Errorf("%+v stands in another's thread", m)
		}
	}
}

// The process ends between the post and its being remembered: nobody can tell whether it got through. It is sent again,
// and says so.
func TestCutOffAfterThePost(t *testing.T) {
	w := newWorld(t)
	var dead atomic.Bool
	client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if dead.Load() || len(w.slack.Messages()) > 0 {
			dead.Store(true)
			return nil, errDead
		}
		return next.RoundTrip(r)
	})
	e := firing(t, w.Clock.Now())
	_, _ = w.podOn(t, client, w.bot(t, "")).Handle(t.Context(), e) // its answer reaches nobody
	if got := w.slack.Messages(); len(got) != 1 || strings.Contains(got[0].All(), "Sent again") {
		t.Fatalf("got %+v", got)
	}
	w.Clock.Advance(time.Minute) // its lock has run out
	f := w.pod(t, w.bot(t, ""))
	deliver(t, f, e)
	deliver(t, f, e)
	deliver(t, f, rolledBack(t, e))
	got := w.slack.Messages()
	if len(got) != 3 || !strings.Contains(got[1].All(), "Sent again: whether this got through before cannot be told.") ||
		got[2].Thread != got[1].TS || strings.Contains(got[2].All(), "Sent again") {
		t.Errorf("got %+v", got)
	}
}

// The process ends before the post: it is made by the next.
func TestCutOffBeforeThePost(t *testing.T) {
	w := newWorld(t)
	var dead atomic.Bool
	client := w.Wiretap(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if dead.Load() {
			return nil, errDead
		}
		resp, err := next.RoundTrip(r)
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/remediations") {
			dead.Store(true)
		}
		return resp, err
	})
	e := firing(t, w.Clock.Now())
	refuses(t, w.podOn(t, client, w.bot(t, "")), e, "503")
	w.Clock.Advance(time.Minute)
	deliver(t, w.pod(t, w.bot(t, "")), e)
	if got := w.slack.Messages(); len(got) != 1 || got[0].Thread != "" {
		t.Errorf("got %+v", got)
	}
}

// Records that have had their time are swept.
func TestRecordsAreSwept(t *testing.T) {
	w := newWorld(t)
	deliver(t, w.pod(t, w.bot(t, "")), firing(t, w.Clock.Now()))
	w.Clock.Advance(3 * time.Hour)
	other := *crash
	other.StartsAt = crash.StartsAt.Add(time.Hour)
	f := w.pod(t, w.bot(t, ""))
	deliver(t, f, functiontest.Event(t, &other, w.Clock.Now()))
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := (&record.Remediations{Client: w.Client}).Find(t.Context(), record.Query{Function: "notifier"})
	if err != nil || len(all) != 1 || all[0].CorrelationID != other.CorrelationID() {
		t.Errorf("records %+v, %v", all, err)
	}
}
