package adapter

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/config"
)

// gauge counts what is under way, and the most there ever was.
type gauge struct{ now, most atomic.Int32 }

func (g *gauge) in() {
	n := g.now.Add(1)
	for {
		m := g.most.Load()
		if n <= m || g.most.CompareAndSwap(m, n) {
			return
		}
	}
}

func (g *gauge) out() { g.now.Add(-1) }

func many(n int, prefix string) []byte {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("%s%03d", prefix, i))
	}
	return webhookOf(names...)
}

func TestSendsSideBySide(t *testing.T) {
	for name, tc := range map[string]struct {
		perWebhook, all, webhooks, events int
		most                              int32
	}{
		"one webhook's bound":      {4, 100, 1, 40, 4},
		"the bound over all":       {4, 6, 3, 20, 6},
		"one at a time":            {1, 1, 3, 5, 1},
		"fewer events than places": {64, 256, 1, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSink(t)
			var g gauge
			release := make(chan struct{})
			s.answers(func(event.Event) int {
				g.in()
				defer g.out()
				<-release
				return 202
			})
			_, url, _ := start(t, settings(t, s.URL, func(c *config.Adapter) { c.SendConcurrency, c.MaxSends = tc.perWebhook, tc.all }))
			var all sync.WaitGroup
			for i := range tc.webhooks {
				all.Go(func() {
					if code, text := post(t, url, many(tc.events, string(rune('a'+i)))); code != 200 {
						t.Errorf("%d %s", code, text)
					}
				})
			}
			until(t, "as many sends as there may be", func() bool { return g.now.Load() == tc.most })
			close(release)
			all.Wait()
			if got := g.most.Load(); got != tc.most {
				t.Errorf("%d sends at once, want %d", got, tc.most)
			}
			if got := len(s.events()); got != tc.webhooks*tc.events {
				t.Errorf("%d events, want %d", got, tc.webhooks*tc.events)
			}
		})
	}
}

// A webhook of one alert does not wait for all of a large one.
func TestSmallBesideLarge(t *testing.T) {
	s := newSink(t)
	step := make(chan struct{})
	s.answers(func(event.Event) int {
		<-step
		return 202
	})
	a, url, _ := start(t, settings(t, s.URL, func(c *config.Adapter) { c.SendConcurrency, c.MaxSends = 4, 4 }))
	var all sync.WaitGroup
	all.Go(func() { post(t, url, many(1000, "large")) })
	until(t, "the large webhook has every place", func() bool { return len(a.sends) == 4 })
	small := make(chan int, 1)
	all.Go(func() {
		code, _ := post(t, url, webhookOf("small"))
		small <- code
	})
	until(t, "both are worked on", func() bool { return len(a.webhooks) == 2 })
	sent := 0
	for done := false; !done; {
		select {
		case step <- struct{}{}:
			sent++
		case code := <-small:
			if done = true; code != 200 {
				t.Errorf("status %d", code)
			}
		}
	}
	close(step)
	all.Wait()
	if sent > 500 {
		t.Errorf("the small webhook was answered after %d sends", sent)
	}
}

func TestOverload(t *testing.T) {
	s := newSink(t)
	release := make(chan struct{})
	s.answers(func(event.Event) int {
		<-release
		return 202
	})
	a, url, _ := start(t, settings(t, s.URL, func(c *config.Adapter) { c.MaxInFlight = 2 }))
	var all sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		all.Go(func() { post(t, url, webhookOf(name)) })
	}
	until(t, "two webhooks are worked on", func() bool { return len(a.webhooks) == 2 })
	resp, err := http.Post(url, "application/json", strings.NewReader(string(webhookOf("c"))))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	close(release)
	all.Wait()
	if code, _ := post(t, url, webhookOf("c")); code != 200 {
		t.Errorf("status %d once there is room", code)
	}
}

func TestThousandAlerts(t *testing.T) {
	s := newSink(t)
	_, url, _ := start(t, settings(t, s.URL, nil))
	if code, text := post(t, url, many(1000, "p")); code != 200 || !strings.Contains(text, `"delivered":1000`) {
		t.Fatalf("%d %s", code, text)
	}
	ids := map[string]bool{}
	for _, e := range s.events() {
		ids[e.ID()] = true
	}
	if len(ids) != 1000 {
		t.Errorf("%d different events", len(ids))
	}
}
