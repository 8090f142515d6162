// Package slack stands in for Slack where the real one cannot be had, in tests: it
// takes chat.postMessage and an incoming webhook, checks what is posted against the
// rules that Slack publishes for blocks, and refuses as Slack does.
//
// It knows one token, one incoming webhook and the channels that it is told of. Its
// errors and limits are those of docs.slack.dev (reference/methods/chat.postMessage,
// reference/block-kit), as of 2026; what a real Slack shows it cannot say.
package slack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// What is let in.
const (
	Token   = "xoxb-1234-stand-in"
	Revoked = "xoxb-1234-revoked"
	Webhook = "/services/T00000000/B00000000/stand-in" // the path of the incoming webhook
	Channel = "C012AB3CD"
	Name    = "#alerts"    // Channel's
	Private = "C0PRIVATE0" // which the app is not in
)

// maxBody bounds a request, maxKept how many messages are kept.
const (
	maxBody = 1 << 20
	maxKept = 10000
)

// Message is one that was posted.
type Message struct {
	Channel string  `json:"channel"`
	TS      string  `json:"ts"`
	Thread  string  `json:"thread_ts,omitempty"`
	Text    string  `json:"text"`
	Blocks  []Block `json:"blocks,omitempty"`
}

// All is every text of a message, a line each.
func (m Message) All() string {
	lines := []string{m.Text}
	for _, b := range m.Blocks {
		lines = append(lines, b.texts()...)
	}
	return strings.Join(lines, "\n")
}

// Answer is what the next requests are answered with, instead of being taken.
type Answer struct {
	Status     int    // 0 is 200
	RetryAfter string // the header
	Error      string // the code of an answer with status 200
	Times      int
	Lost       bool // it is taken, and the answer does not arrive
}

// Server is the stand-in. The zero Server is ready.
type Server struct {
	mu       sync.Mutex
	messages []Message
	next     Answer
	asked    int
}

// Messages are those that were posted.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Asked is how many requests there were.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Next says how the next requests are answered.
func (s *Server) Next(a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = a
}

// Delete removes a message, as a person does.
func (s *Server) Delete(ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = slices.DeleteFunc(s.messages, func(m Message) bool { return m.TS == ts })
}

// ServeHTTP takes /api/chat.postMessage and the webhook, and lists what was posted at
// /messages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/messages":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Messages())
	case r.Method == http.MethodPost && r.URL.Path == "/api/chat.postMessage":
		s.postMessage(w, r)
	case r.Method == http.MethodPost && r.URL.Path == Webhook:
		s.webhook(w, r)
	default:
		http.Error(w, "no_service", http.StatusNotFound)
	}
}

// instead answers as it was told to, and says whether it did.
func (s *Server) instead(w http.ResponseWriter) (done, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.next.Times == 0 {
		return false, false
	}
	s.next.Times--
	a := s.next
	switch {
	case a.Lost:
		return false, true
	case a.Error != "":
		answer(w, map[string]any{"ok": false, "error": a.Error})
	default:
		if a.RetryAfter != "" {
			w.Header().Set("Retry-After", a.RetryAfter)
		}
		w.WriteHeader(a.Status)
	}
	return true, false
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}

func (s *Server) postMessage(w http.ResponseWriter, r *http.Request) {
	done, lost := s.instead(w)
	if done {
		return
	}
	if err := r.ParseForm(); err != nil {
		answer(w, map[string]any{"ok": false, "error": "invalid_form_data"})
		return
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = r.PostForm.Get("token")
	}
	m, code, wrong := take(token, r.PostForm.Get)
	if code != "" {
		answer(w, map[string]any{"ok": false, "error": code, "errors": wrong, "response_metadata": map[string]any{"messages": wrong}})
		return
	}
	m = s.keep(m)
	if lost {
		panic(http.ErrAbortHandler)
	}
	answer(w, map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "message": m})
}

// take reads a form as chat.postMessage does; code is why it is refused.
func take(token string, form func(string) string) (m Message, code string, wrong []string) {
	switch token {
	case Token:
	case "":
		return m, "not_authed", nil
	case Revoked:
		return m, "token_revoked", nil
	default:
		return m, "invalid_auth", nil
	}
	m = Message{Channel: form("channel"), Thread: form("thread_ts"), Text: form("text")}
	switch m.Channel {
	case Channel:
	case Name:
		m.Channel = Channel
	case Private:
		return m, "not_in_channel", nil
	default:
		return m, "channel_not_found", nil
	}
	if text := form("blocks"); text != "" {
		if err := json.Unmarshal([]byte(text), &m.Blocks); err != nil {
			return m, "invalid_blocks_format", []string{err.Error()}
		}
	}
	code, wrong = refuse(m)
	return m, code, wrong
}

// keep gives a message its time stamp. A reply to what is not there any more stands
// beside it.
func (s *Server) keep(m Message) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.TS = fmt.Sprintf("%d.%06d", 1_763_000_000+s.asked, len(s.messages))
	if !slices.ContainsFunc(s.messages, func(other Message) bool { return other.TS == m.Thread && other.Channel == m.Channel }) {
		m.Thread = ""
	}
	if len(s.messages) < maxKept {
		s.messages = append(s.messages, m)
	}
	return m
}

// webhook takes JSON, and answers with words instead of JSON.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	done, _ := s.instead(w)
	if done {
		return
	}
	var m Message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	if code, wrong := refuse(m); code != "" {
		http.Error(w, code+" "+strconv.Quote(strings.Join(wrong, "; ")), http.StatusBadRequest)
		return
	}
	m.Channel = Channel
	s.keep(m)
	_, _ = w.Write([]byte("ok"))
}
