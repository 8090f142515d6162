package adapter

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/config"
)

func TestSinkDownThenUp(t *testing.T) {
	s := newSink(t)
	s.answers(func(event.Event) int { return 503 })
	_, url, log := start(t, settings(t, s.URL, nil))
	body := webhookOf("a", "b", "c")
	for range 3 {
		if code, text := post(t, url, body); code != 503 || !strings.Contains(text, `"failed":3`) {
			t.Fatalf("%d %s", code, text)
		}
	}
	s.answers(nil)
	if code, text := post(t, url, body); code != 200 || !strings.Contains(text, `"delivered":3`) {
		t.Fatalf("%d %s", code, text)
	}
	if got := pods(s.events()); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("accepted %v", got)
	}
	for _, want := range []string{`"outcome":"failed"`, `"reason":"sink answered 503"`, `"alertname":"KubePodCrashLooping"`, `"event_id":"`, `"correlation_id":"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log does not say %s: %s", want, log)
		}
	}
}

func TestSinkThatNobodyListensOn(t *testing.T) {
	s := newSink(t)
	cfg := settings(t, strings.Replace(s.URL, "http://", "http://me:geheim@", 1)+"/path?token=geheim", nil)
	s.Close()
	_, url, log := start(t, cfg)
	code, text := post(t, url, webhookOf("a"))
	if code != 503 || !strings.Contains(log.String(), "connection refused") {
		t.Errorf("%d, log %s", code, log)
	}
	if strings.Contains(text+log.String(), "geheim") {
		t.Errorf("a secret is told: %s, %s", text, log)
	}
}

// The events that got through are not sent again, and the others say the same
// recordedtime as they did.
func TestRetrySendsOnlyWhatIsMissing(t *testing.T) {
	s := newSink(t)
	s.answers(func(e event.Event) int {
		if pod(e) == "b" {
			return 500
		}
		return 202
	})
	_, url, log := start(t, settings(t, s.URL, nil))
	body := webhookOf("a", "b", "c")
	if code, text := post(t, url, body); code != 503 || !strings.Contains(text, `{"events":3,"delivered":2,"remembered":0,"failed":1}`) {
		t.Fatalf("%d %s", code, text)
	}
	s.answers(nil)
	if code, text := post(t, url, body); code != 200 || !strings.Contains(text, `{"events":3,"delivered":1,"remembered":2,"failed":0}`) {
		t.Fatalf("%d %s", code, text)
	}
	es := s.events()
	if got := pods(es); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Fatalf("accepted %v", got)
	}
	for _, e := range es[1:] {
		if !recorded(t, e).Equal(recorded(t, es[0])) {
			t.Errorf("pod %s was recorded at %s, pod %s at %s", pod(e), recorded(t, e), pod(es[0]), recorded(t, es[0]))
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d log lines, want one for the failure and one for its end: %s", n, log)
	}

	// Its 200 ended the delivery: the same body is a repeat now.
	if code, text := post(t, url, body); code != 200 || !strings.Contains(text, `"delivered":3`) {
		t.Fatalf("%d %s", code, text)
	}
	again := s.events()[3:]
	if got := pods(again); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Fatalf("repeated %v", got)
	}
	for i, e := range again {
		if !recorded(t, e).After(recorded(t, es[0])) {
			t.Errorf("the repeat was recorded at %s, the first at %s", recorded(t, e), recorded(t, es[0]))
		}
		if !slices.ContainsFunc(es, func(f event.Event) bool { return f.ID() == e.ID() }) {
			t.Errorf("repeat %d has another id", i)
		}
	}
}

// Other bodies know nothing of it.
func TestOtherBodyWithTheSameAlert(t *testing.T) {
	s := newSink(t)
	s.answers(func(e event.Event) int {
		if pod(e) == "b" {
			return 500
		}
		return 202
	})
	_, url, _ := start(t, settings(t, s.URL, nil))
	post(t, url, webhookOf("a", "b"))
	if code, _ := post(t, url, webhookOf("a")); code != 200 {
		t.Errorf("status %d", code)
	}
	if got := pods(s.events()); !slices.Equal(got, []string{"a", "a"}) {
		t.Errorf("accepted %v", got)
	}
}

func TestSameBodyTwiceAtOnce(t *testing.T) {
	s := newSink(t)
	var sent atomic.Int32
	release := make(chan struct{})
	s.answers(func(event.Event) int {
		sent.Add(1)
		<-release
		return 202
	})
	a, url, _ := start(t, settings(t, s.URL, func(c *config.Adapter) { c.SendConcurrency = 2 }))
	body := webhookOf("a", "b", "c", "d", "e", "f", "g")
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if code, text := post(t, url, body); code != 200 || !strings.Contains(text, `"failed":0`) {
				t.Errorf("%d %s", code, text)
			}
		})
	}
	until(t, "both send", func() bool { return sent.Load() == 4 })
	if n := len(a.webhooks); n != 2 {
		t.Errorf("%d webhooks are worked on", n)
	}
	close(release)
	all.Wait()
	es := s.events()
	if got := pods(es); !slices.Equal(got, []string{"a", "b", "c", "d", "e", "f", "g"}) {
		t.Errorf("accepted %v", got)
	}
	for _, e := range es {
		if !recorded(t, e).Equal(recorded(t, es[0])) {
			t.Error("one body, two recordedtimes")
		}
	}
	if len(a.ledger.busy) != 0 || a.ledger.kept.Len() != 0 {
		t.Errorf("the ledger holds %d and %d after 200", len(a.ledger.busy), a.ledger.kept.Len())
	}
}

// What fails under one request is tried once more by the other that waits for it.
func TestTwinTakesOverWhatFails(t *testing.T) {
	s := newSink(t)
	var calls atomic.Int32
	entered, release := make(chan struct{}), make(chan struct{})
	s.answers(func(event.Event) int {
		if calls.Add(1) == 1 {
			close(entered)
			<-release
			return 500
		}
		return 202
	})
	a, url, _ := start(t, settings(t, s.URL, nil))
	codes := make(chan int, 2)
	send := func() {
		code, _ := post(t, url, webhookOf("a"))
		codes <- code
	}
	go send()
	<-entered
	go send()
	until(t, "the twin waits", func() bool {
		a.ledger.mu.Lock()
		defer a.ledger.mu.Unlock()
		for _, d := range a.ledger.busy {
			d.mu.Lock()
			watched := d.changed != nil
			d.mu.Unlock()
			return watched
		}
		return false
	})
	close(release)
	if got := []int{<-codes, <-codes}; !slices.Contains(got, 200) {
		t.Errorf("answers %v", got)
	}
	if calls.Load() != 2 || len(s.events()) != 1 {
		t.Errorf("%d calls, %d accepted", calls.Load(), len(s.events()))
	}
}

// Alertmanager gives up while the sink is slow: what is under way finishes, what
// has not begun is not, and the retry sends just that.
func TestSenderHangsUp(t *testing.T) {
	s := newSink(t)
	begun, release := make(chan string, 10), make(chan struct{})
	s.answers(func(e event.Event) int {
		begun <- pod(e)
		<-release
		return 202
	})
	a, url, log := start(t, settings(t, s.URL, func(c *config.Adapter) { c.SendConcurrency = 2 }))
	body := webhookOf("a", "b", "c", "d")
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		resp, err := http.DefaultClient.Do(request(ctx, t, url, bytes.NewReader(body)))
		if err == nil {
			resp.Body.Close()
		}
	}()
	first := []string{<-begun, <-begun}
	hangUp()
	<-gone
	answer := make(chan string, 1)
	go func() { // the retry comes while the first request's sends are under way
		code, text := post(t, url, body)
		answer <- fmt.Sprint(code, " ", text)
	}()
	first = append(first, <-begun, <-begun)
	close(release)
	if got := <-answer; !strings.Contains(got, `200 {"events":4,"delivered":2,"remembered":2,"failed":0}`) {
		t.Errorf("retry: %s", got)
	}
	slices.Sort(first)
	if got := pods(s.events()); !slices.Equal(got, []string{"a", "b", "c", "d"}) || !slices.Equal(first, got) {
		t.Errorf("accepted %v, begun %v", got, first)
	}
	until(t, "the first request ends", func() bool { return len(a.webhooks) == 0 })
	until(t, "the first request is told", func() bool { return strings.Contains(log.String(), "webhook") })
}

// hangUp posts body, waits until the sink has its first event, goes away, waits
// until the server knows, and lets the sink answer.
func hangUp(t *testing.T, s *sink, cfg config.Adapter, body []byte) (url string, log *logs) {
	t.Helper()
	entered, release := make(chan struct{}, 100), make(chan struct{})
	s.answers(func(event.Event) int {
		entered <- struct{}{}
		<-release
		return 202
	})
	a, url, log := start(t, cfg)
	requests := make(chan context.Context, 1)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r.Context()
		a.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		resp, err := http.DefaultClient.Do(request(ctx, t, front.URL, bytes.NewReader(body)))
		if err == nil {
			resp.Body.Close()
		}
	}()
	<-entered
	cancel()
	<-gone
	select {
	case <-(<-requests).Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the server does not see that its client is gone")
	}
	close(release)
	until(t, "the request ends", func() bool { return len(a.webhooks) == 0 })
	s.answers(nil)
	return url, log
}

// Nobody hears the answer to a complete delivery: its retry sends nothing.
func TestAnswerThatNobodyHears(t *testing.T) {
	s := newSink(t)
	url, _ := hangUp(t, s, settings(t, s.URL, nil), webhookOf("a"))
	if code, text := post(t, url, webhookOf("a")); code != 200 || !strings.Contains(text, `"delivered":0,"remembered":1`) {
		t.Errorf("retry: %d %s", code, text)
	}
	if code, text := post(t, url, webhookOf("a")); code != 200 || !strings.Contains(text, `"delivered":1`) {
		t.Errorf("repeat: %d %s", code, text)
	}
}

func TestNothingIsBegunForWhoIsGone(t *testing.T) {
	s := newSink(t)
	body := webhookOf("a", "b", "c")
	url, log := hangUp(t, s, settings(t, s.URL, func(c *config.Adapter) { c.SendConcurrency = 1 }), body)
	if n := len(s.events()); n != 1 {
		t.Fatalf("%d events for a sender that is gone, want the one under way", n)
	}
	until(t, "it is told", func() bool { return strings.Contains(log.String(), "not begun: the sender went away") })
	if code, text := post(t, url, body); code != 200 || !strings.Contains(text, `"delivered":2,"remembered":1,"failed":0`) {
		t.Errorf("retry: %d %s", code, text)
	}
}

func TestHungSink(t *testing.T) {
	s := newSink(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	s.answers(func(e event.Event) int {
		if pod(e) == "slow" {
			<-release
		}
		return 202
	})
	_, url, log := start(t, settings(t, s.URL, func(c *config.Adapter) { c.SendTimeout = config.Duration(50 * time.Millisecond) }))
	if code, text := post(t, url, webhookOf("slow", "quick")); code != 503 || !strings.Contains(text, `"delivered":1,"remembered":0,"failed":1`) {
		t.Errorf("%d %s", code, text)
	}
	if !strings.Contains(log.String(), "no answer within SEND_TIMEOUT (50ms)") {
		t.Errorf("log %s", log)
	}
}
