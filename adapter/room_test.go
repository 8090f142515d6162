package adapter

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
)

// large is a webhook of one alert and so many bytes about.
func large(name string, size int) []byte {
	return bytes.Replace(webhookOf(name), []byte(`"annotations":{}`), []byte(`"annotations":{"filling":"`+strings.Repeat("x", size)+`"}`), 1)
}

func TestLargeWebhooksWaitForRoom(t *testing.T) {
	s := newSink(t)
	var g gauge
	release := make(chan struct{})
	s.answers(func(e event.Event) int {
		if pod(e) != "small" {
			g.in()
			defer g.out()
			<-release
		}
		return 202
	})
	a, url, _ := start(t, settings(t, s.URL, nil))
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		all.Go(func() {
			if code, text := post(t, url, large(name, roomBytes*2/5)); code != http.StatusOK {
				t.Errorf("%d %s", code, text)
			}
		})
	}
	all.Go(func() { // announces no length
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, struct{ *bytes.Reader }{bytes.NewReader(large("f", 10))})
		if err != nil {
			t.Error(err)
			return
		}
		r.ContentLength = -1
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%v %v", answer, err)
			return
		}
		answer.Body.Close()
	})
	until(t, "all to have come, and one to be sent", func() bool { return len(a.webhooks) == 6 && g.now.Load() > 0 })
	if code, text := post(t, url, webhookOf("small")); code != http.StatusOK { // beside them
		t.Errorf("%d %s", code, text)
	}
	close(release)
	all.Wait()
	if got := g.most.Load(); got > 2 {
		t.Errorf("%d large webhooks at once", got)
	}
	if got := len(s.events()); got != 7 {
		t.Errorf("%d events", got)
	}
}

func TestWebhookLargerThanTheRoomHasItAlone(t *testing.T) {
	s := newSink(t)
	_, url, _ := start(t, settings(t, s.URL, nil))
	for range 2 {
		if code, text := post(t, url, large("a", roomBytes+1)); code != http.StatusOK {
			t.Errorf("%d %s", code, text)
		}
	}
}
