package notifier_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/tests/slack"
)

// taker is a service that takes what is posted, or answers otherwise.
type taker struct {
	mu     sync.Mutex
	header []http.Header
	body   []string
	path   []string
	answer func(w http.ResponseWriter) // nil: 200
}

func (s *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header, s.body, s.path = append(s.header, r.Header), append(s.body, string(body)), append(s.path, r.URL.Path)
	if s.answer != nil {
		s.answer(w)
	}
}

func (s *taker) start(t *testing.T) (url string) {
	t.Helper()
	at := httptest.NewServer(s)
	t.Cleanup(at.Close)
	return at.URL
}

// Without a template a webhook gets the event itself, once, with headers out of files and a signature.
func TestWebhookGetsTheEvent(t *testing.T) {
	w, s := newWorld(t), &taker{}
	receivers := "- {name: hook, type: webhook, urlFile: " + file(t, s.start(t)+"/geheim") + ", signatureFile: " + file(t, "It's a Secret to Everybody") +
		", headers: [{name: Authorization, valueFile: " + file(t, "Bearer geheim") + "}, {name: X-Team, value: shop}]}\n"
	e := firing(t, w.Clock.Now())
	f := w.pod(t, receivers)
	deliver(t, f, e)
	deliver(t, f, e)
	if len(s.body) != 1 {
		t.Fatalf("%d posts, want 1", len(s.body))
	}
	var got struct {
		ID   string          `json:"id"`
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(s.body[0]), &got); err != nil || got.ID != e.ID() || got.Type != e.Type() || string(got.Data) != string(e.Data()) {
		t.Errorf("got %s (%v)", s.body[0], err)
	}
	h := s.header[0]
	if h.Get("Content-Type") != "application/cloudevents+json" || h.Get("Authorization") != "Bearer geheim" || h.Get("X-Team") != "shop" ||
		h.Get("Idempotency-Key") != e.ID() || len(h.Get("X-Hub-Signature-256")) != len("sha256=")+64 || s.path[0] != "/geheim" {
		t.Errorf("headers %v", h)
	}
	if strings.Contains(w.log.String(), "geheim") {
		t.Errorf("the log tells a secret: %s", w.log)
	}
}

// In a template's JSON every value is a string's content, whatever is in it.
func TestWebhookBody(t *testing.T) {
	w, s := newWorld(t), &taker{}
	a := functiontest.Alert(map[string]string{"alertname": `A"B\` + "\n<é>"})
	receivers := "- {name: hook, type: webhook, url: '" + s.start(t) + `', body: '{"name": "{{ .Name }}", "title": "{{ .Title }}", "kind": "{{ .Kind }}"}'}` + "\n"
	deliver(t, w.pod(t, receivers), functiontest.Event(t, a, w.Clock.Now()))
	var got struct{ Name, Title, Kind string }
	if err := json.Unmarshal([]byte(s.body[0]), &got); err != nil || got.Name != a.Name() || !strings.Contains(got.Title, `A"B\ <é>`) || got.Kind != "firing" {
		t.Errorf("got %s (%v)", s.body[0], err)
	}
}

// A redirect is not followed: headers and body were not meant for where it leads.
func TestAnswersOfAWebhook(t *testing.T) {
	elsewhere := &taker{}
	to := elsewhere.start(t)
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter)
		status string
		says   string
	}{
		"redirect": {func(w http.ResponseWriter) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, "422", "which is not followed"},
		"refused": {func(w http.ResponseWriter) { http.Error(w, "no such key", http.StatusForbidden) }, "422", `answered 403 Forbidden: "no such key"`},
		"gone":    {func(w http.ResponseWriter) { w.WriteHeader(http.StatusGone) }, "422", "410"},
		"away":    {func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, "503", "502"},
		"too many": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "100")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "503", "429"},
		"endless": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, strings.Repeat("x", 2<<20))
		}, "422", "409"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), &taker{answer: test.answer}
			url := s.start(t) + "/geheim"
			says := refuses(t, w.pod(t, "- {name: hook, type: webhook, urlFile: "+file(t, url)+"}\n"), firing(t, w.Clock.Now()), test.status)
			if !strings.Contains(says, test.says) || strings.Contains(says+w.log.String(), "geheim") || len(says) > 1000 {
				t.Errorf("says %q", says)
			}
		})
	}
	if len(elsewhere.body) != 0 {
		t.Error("the redirect was followed")
	}
}

// Where nobody listens, the URL is not told.
func TestUnreachableURLIsNotTold(t *testing.T) {
	w := newWorld(t)
	at := httptest.NewServer(http.NotFoundHandler())
	at.Close()
	for _, receiver := range []string{
		"- {name: a, type: webhook, urlFile: " + file(t, at.URL+"/geheim/key") + "}\n",
		"- {name: b, type: slack, webhookFile: " + file(t, at.URL+"/services/T0/B0/geheim") + "}\n",
		"- {name: c, type: shoutrrr, urlFile: " + file(t, strings.Replace(at.URL, "http://", "generic://", 1)+"/geheim?disabletls=yes&@key=geheim2") + "}\n",
		"- {name: d, type: shoutrrr, urlFile: " + file(t, strings.Replace(at.URL, "http://", "gotify://", 1)+"/Ageheim.0123456?disabletls=yes") + "}\n",
	} {
		says := refuses(t, w.pod(t, receiver), firing(t, w.Clock.Now()), "503")
		if strings.Contains(says+w.log.String(), "geheim") || !strings.Contains(says, "refused") {
			t.Errorf("says %q, log %s", says, w.log)
		}
	}
}

// An incoming webhook of Slack's has no threads; its messages are the same.
func TestSlackWebhook(t *testing.T) {
	w := newWorld(t)
	hook := "- {name: hook, type: slack, webhookFile: " + file(t, w.url+slack.Webhook) + "}\n"
	e := firing(t, w.Clock.Now())
	f := w.pod(t, hook)
	deliver(t, f, e)
	deliver(t, f, e)
	deliver(t, f, rolledBack(t, e))
	got := w.slack.Messages()
	if len(got) != 2 || got[0].Thread+got[1].Thread != "" || len(got[0].Blocks) != 3 || !strings.HasPrefix(got[1].Text, "🔧 rollback succeeded") {
		t.Errorf("got %+v", got)
	}
	w.slack.Next(slack.Answer{Status: http.StatusTooManyRequests, RetryAfter: "1", Times: 1})
	deliver(t, f, looked(t, e))
	w.slack.Next(slack.Answer{Status: http.StatusGone, Times: 1})
	if says := refuses(t, f, resolved(t, w.Clock.Now()), "422"); !strings.Contains(says, "410") {
		t.Errorf("says %q", says)
	}
}

// Services of shoutrrr's get the message, in their own form, once.
func TestShoutrrr(t *testing.T) {
	for name, test := range map[string]struct {
		url         func(at string) string
		title, text string // members of the JSON that arrives; without title it is the text's first line
		path        string
	}{
		"generic":    {func(at string) string { return "generic://" + at + "/hook?disabletls=yes&template=json" }, "title", "message", "/hook"},
		"gotify":     {func(at string) string { return "gotify://" + at + "/Aaaa.bbbb.ccc12?disabletls=yes" }, "title", "message", "/message"},
		"mattermost": {func(at string) string { return "mattermost://quench@" + at + "/token?disabletls=yes" }, "", "text", "/hooks/token"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t), &taker{answer: func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{}") }}
			to := test.url(strings.TrimPrefix(s.start(t), "http://"))
			a := functiontest.Alert(map[string]string{"alertname": "A @everyone"})
			e := functiontest.Event(t, a, w.Clock.Now())
			f := w.pod(t, "- {name: phone, type: shoutrrr, urlFile: "+file(t, to)+"}\n")
			deliver(t, f, e)
			deliver(t, f, e)
			if len(s.body) != 1 || s.path[0] != test.path {
				t.Fatalf("posts %v to %v", s.body, s.path)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(s.body[0]), &got); err != nil {
				t.Fatalf("%v: %s", err, s.body[0])
			}
			text, _ := got[test.text].(string)
			title, _ := got[test.title].(string)
			if test.title == "" {
				title, text, _ = strings.Cut(text, "\n")
			}
			if title != "🔥 A @\u200beveryone is firing" || !strings.HasPrefix(text, "it burns\n") {
				t.Errorf("got %s", s.body[0])
			}
			s.mu.Lock()
			s.answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }
			s.mu.Unlock()
			refuses(t, f, functiontest.Event(t, functiontest.Resolved(a), w.Clock.Now()), "503")
		})
	}
}
