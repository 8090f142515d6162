// recorder stands at the end of a Trigger in the end-to-end tests: it keeps what it was sent, and answers as it was told.
// Each path is a box of its own.
//
//	POST /box                        is kept, and answered
//	GET /box                         what was kept, as JSON: [{"time", "header", "body"}, …]
//	PUT /box?status=503&times=2      how the next so many are answered, with this request's body; then 202 again
//	DELETE /box                      forgets
//
//	POST /-/send?url=…               is sent on to the URL, an event with its attributes; {"status", "body", "startedAt",
//	                                 "seconds"} says how that went
//
// Below /slack it stands in for Slack (tests/slack): POST /slack/api/chat.postMessage, GET /slack/messages. GET /healthz
// says that it is there.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quench-dev/quench/tests/slack"
)

// maxBody bounds what is kept of one request.
const maxBody = 4 << 20

type request struct {
	Time   time.Time   `json:"time"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

type box struct {
	requests      []request
	status, times int
	answer        []byte
}

type recorder struct {
	mu    sync.Mutex
	boxes map[string]*box
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch req.URL.Path {
	case "/healthz":
		return
	case "/-/send":
		send(w, req)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.boxes[req.URL.Path]
	if b == nil {
		b = &box{}
		r.boxes[req.URL.Path] = b
	}
	switch req.Method {
	case http.MethodPost:
		b.requests = append(b.requests, request{Time: time.Now(), Header: req.Header, Body: body})
		if b.times == 0 {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		b.times--
		w.WriteHeader(b.status)
		_, _ = w.Write(b.answer)
	case http.MethodPut:
		query := req.URL.Query()
		b.status, _ = strconv.Atoi(query.Get("status"))
		b.times, _ = strconv.Atoi(query.Get("times"))
		b.answer = body
	case http.MethodDelete:
		delete(r.boxes, req.URL.Path)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(b.requests)
	}
}

// sent is how a request went that was sent on.
type sent struct {
	Status    int       `json:"status"`
	Body      string    `json:"body"`
	StartedAt time.Time `json:"startedAt"`
	Seconds   float64   `json:"seconds"`
}

// send sends a request on, from within the cluster as its senders do, and measures how long the answer takes.
func send(w http.ResponseWriter, req *http.Request) {
	out, err := http.NewRequestWithContext(req.Context(), http.MethodPost, req.URL.Query().Get("url"), http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out.Header.Set("Content-Type", "application/json")
	for name, values := range req.Header {
		if strings.HasPrefix(name, "Ce-") {
			out.Header[name] = values
		}
	}
	s := sent{StartedAt: time.Now()}
	response, err := http.DefaultClient.Do(out)
	s.Seconds = time.Since(s.StartedAt).Seconds()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxBody))
	s.Status, s.Body = response.StatusCode, string(body)
	_ = json.NewEncoder(w).Encode(s)
}

func main() {
	mux := http.NewServeMux()
	mux.Handle("/", &recorder{boxes: map[string]*box{}})
	mux.Handle("/slack/", http.StripPrefix("/slack", &slack.Server{}))
	server := http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
