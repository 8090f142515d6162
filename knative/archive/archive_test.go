package archive_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/knative/archive"
	"github.com/quench-dev/quench/knative/history"
)

// world is an archive that is served.
type world struct {
	*testing.T
	url string
	log *logged
	end func()
}

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

func start(t *testing.T, set func(*config.Archive)) *world {
	t.Helper()
	c := config.Archive{
		File: filepath.Join(t.TempDir(), "archive.db"), MaxSize: 1 << 30, MaxBodyBytes: 64 << 10, MaxInFlightBytes: 1 << 20,
		MaxStreams: 3, WriteTimeout: config.Duration(time.Minute),
	}
	if set != nil {
		set(&c)
	}
	store, err := archive.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	a := archive.New(c, store, zerolog.New(log))
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	server := httptest.NewServer(a.Handler())
	t.Cleanup(func() {
		end()
		running.Wait()
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{t, server.URL, log, end}
}

func sample(id string) event.Event {
	e := event.New()
	e.SetID(id)
	e.SetSource("/alertmanager/default")
	e.SetType("io.prometheus.alertmanager.alert.firing")
	e.SetExtension("alertname", "DiskFull")
	e.SetExtension("correlationid", "c1")
	e.SetExtension("knativearrivaltime", "2026-11-20T10:00:00Z")
	e.SetDataContentType(event.ApplicationJSON)
	e.DataEncoded = []byte(`{"status":"firing"}`)
	return e
}

// post sends an event and wants this answer.
func (w *world) post(path string, e event.Event, structured bool, want int) {
	w.Helper()
	ctx := w.Context()
	if structured {
		ctx = binding.WithForceStructured(ctx)
	}
	req, err := cehttp.NewHTTPRequestFromEvent(ctx, w.url+path, e)
	if err != nil {
		w.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != want || want == 204 && len(body) > 0 {
		w.Fatalf("%s: %s %s", path, resp.Status, body)
	}
}

// get reads JSON into v and wants this answer.
func (w *world) get(path string, want int, v any) {
	w.Helper()
	resp, err := http.Get(w.url + path)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		w.Fatalf("%s: %s %s, %v", path, resp.Status, body, err)
	}
	if s, ok := v.(*string); ok {
		*s = string(body)
		return
	}
	if err := json.Unmarshal(body, v); err != nil {
		w.Fatalf("%s: %v: %s", path, err, body)
	}
}

func TestTakesAndTells(t *testing.T) {
	for name, structured := range map[string]bool{"binary": false, "structured": true} {
		t.Run(name, func(t *testing.T) {
			w := start(t, nil)
			w.post("/", sample("e1"), structured, 204)
			w.post("/", sample("e1"), structured, 204)
			letter := sample("e1")
			letter.SetExtension("knativeerrordest", "http://job-runner")
			letter.SetExtension("knativeerrorcode", "503")
			letter.SetExtension("knativeerrordata", base64.StdEncoding.EncodeToString([]byte("held by another")))
			w.post("/dead-letters", letter, structured, 204)
			var one history.Entry
			w.get("/api/v1/events/1", 200, &one)
			if one.Arrivals != 2 || one.DeadLetter == nil || one.DeadLetter.Reason != "held by another" || one.DeadLetter.Code != "503" || one.DeadLetter.Destination != "http://job-runner" {
				t.Errorf("%+v %+v", one, one.DeadLetter)
			}
			for attribute := range one.Event.Extensions() {
				if strings.HasPrefix(attribute, "knative") {
					t.Errorf("%s is kept", attribute)
				}
			}
			if string(one.Event.Data()) != `{"status":"firing"}` || one.Event.Extensions()["alertname"] != "DiskFull" {
				t.Errorf("%s", one.Event)
			}
			if !strings.Contains(w.log.String(), `"message":"dead letter"`) {
				t.Errorf("log says %s", w.log)
			}
			replayed := sample("e1")
			replayed.SetExtension("replayedtime", time.Now().UTC())
			w.post("/", replayed, structured, 204)
			var page history.Page
			w.get("/api/v1/events?deadletters=true", 200, &page)
			if len(page.Events) != 1 || page.Events[0].DeadLetter.Redelivered == nil || page.Next != "" {
				t.Errorf("%+v", page)
			}
			w.get("/api/v1/events?pending=true", 200, &page)
			if len(page.Events) != 0 {
				t.Errorf("waiting still: %+v", page)
			}
		})
	}
}

// What its own Trigger could not deliver at first is no dead letter of a function.
func TestItsOwnDeadLetterIsADelivery(t *testing.T) {
	w := start(t, nil)
	e := sample("e1")
	e.SetExtension("knativeerrordest", "http://archive")
	e.SetExtension("knativeerrorcode", "503")
	w.post("/", e, false, 204)
	var one history.Entry
	w.get("/api/v1/events/1", 200, &one)
	if one.DeadLetter != nil || one.Arrivals != 1 || one.Event.Extensions()["knativeerrorcode"] != nil {
		t.Errorf("%+v", one)
	}
}

// A replay that claims to come from the future must not mark dead letters for good.
func TestAReplayedTimeFarAheadIsNone(t *testing.T) {
	w := start(t, nil)
	w.post("/dead-letters", sample("e1"), false, 204)
	for _, when := range []any{time.Now().Add(2 * time.Hour), "soon"} {
		e := sample("e1")
		e.SetExtension("replayedtime", when)
		w.post("/", e, false, 204)
	}
	var page history.Page
	if w.get("/api/v1/events?pending=true", 200, &page); len(page.Events) != 1 {
		t.Errorf("%+v", page)
	}
}

func TestStory(t *testing.T) {
	w := start(t, nil)
	other := sample("other")
	other.SetExtension("correlationid", "c2")
	outcome := sample("o1")
	outcome.SetType("dev.quench.action.succeeded")
	outcome.SetSource("/quench/job-runner")
	resolved := sample("e2")
	resolved.SetType("io.prometheus.alertmanager.alert.resolved")
	for _, e := range []event.Event{sample("e1"), other, outcome, resolved} {
		w.post("/", e, false, 204)
	}
	var page history.Page
	w.get("/api/v1/stories/c1", 200, &page)
	var types []string
	for _, e := range page.Events {
		types = append(types, e.Event.Type()[strings.LastIndex(e.Event.Type(), ".")+1:])
	}
	if got := strings.Join(types, " "); got != "firing succeeded resolved" {
		t.Errorf("story: %s", got)
	}
	if w.get("/api/v1/stories/none", 200, &page); page.Events == nil || len(page.Events) != 0 {
		t.Errorf("no story: %+v", page)
	}
}

func TestAnswersThatAreErrors(t *testing.T) {
	w := start(t, nil)
	w.post("/", sample("e1"), false, 204)
	for path, test := range map[string]struct {
		code int
		says string
	}{
		"/api/v1/events?since=2h":                  {400, "want a time such as"},
		"/api/v1/events?alertname=a":               {400, "is no parameter"},
		"/api/v1/events?filter=alertname":          {400, "want true or false"},
		"/api/v1/events?filter=":                   {200, ""},
		"/api/v1/events/0":                         {400, "want the seq"},
		"/api/v1/events/x":                         {400, "want the seq"},
		"/api/v1/events/2":                         {404, "no such event"},
		"/dead-letters":                            {404, "GET /dead-letters: there is no such thing: POST an event"},
		"/api/v1/stories/c1?correlationid=c2":      {400, "stands in the path"},
		"/api/v1/stream?descending=true":           {400, "a stream goes forward"},
		"/api/v1/stream?after=x":                   {400, "after="},
		"/api/v1/events?" + strings.Repeat("x", 9): {400, "is no parameter"},
	} {
		var body string
		w.get(path, test.code, &body)
		if !strings.Contains(body, test.says) || test.code != 200 && !strings.HasPrefix(body, `{"error":"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestEventsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		contentType, body string
		header            map[string]string
		code              int
	}{
		"no event":    {"application/json", "{}", nil, 400},
		"broken":      {"application/cloudevents+json", "{", nil, 400},
		"too large":   {"application/json", strings.Repeat("x", 70000), nil, 413},
		"compressed":  {"application/json", "{}", map[string]string{"Content-Encoding": "gzip"}, 415},
		"not UTF-8":   {"application/json", "{}", map[string]string{"Ce-Id": "%ff", "Ce-Source": "/", "Ce-Type": "t", "Ce-Specversion": "1.0", "Ce-Pod": "\xff"}, 400},
		"NUL in data": {"application/json", "\x00", map[string]string{"Ce-Id": "a", "Ce-Source": "/", "Ce-Type": "t", "Ce-Specversion": "1.0"}, 204},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, nil)
			req, err := http.NewRequest(http.MethodPost, w.url, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", test.contentType)
			for k, v := range test.header {
				req.Header.Set(k, v)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != test.code || len(body) > 500 {
				t.Errorf("%s %s, %v", resp.Status, body, err)
			}
			if test.code != 204 && (!strings.HasPrefix(string(body), `{"error":"`) || !strings.Contains(w.log.String(), "event not kept")) {
				t.Errorf("%s, log says %s", body, w.log)
			}
		})
	}
}

func TestTooMuchAtOnce(t *testing.T) {
	w := start(t, func(c *config.Archive) { c.MaxInFlightBytes = c.MaxBodyBytes })
	until := time.Now().Add(time.Minute)
	for held := false; !held; {
		slow, body := io.Pipe()
		req, err := http.NewRequest(http.MethodPost, w.url, slow) // without a length: it may become the largest
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			resp, err := http.DefaultClient.Do(req)
			if err == nil {
				resp.Body.Close()
			}
			done <- err
		}()
		if _, err := body.Write([]byte("{")); err != nil { // the server has begun to read once this returns, or soon after
			t.Fatal(err)
		}
		for again := time.Now().Add(2 * time.Second); !held && time.Now().Before(again); {
			req, err := cehttp.NewHTTPRequestFromEvent(t.Context(), w.url, sample("e1"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			held = resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != ""
		}
		// Where this one was faster than the slow one, that is what was refused: then it is tried anew.
		body.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if time.Now().After(until) {
			t.Fatal("nothing is refused")
		}
	}
	w.post("/", sample("e2"), false, 204)
}

// frames reads a stream's frames; it is closed at the stream's end.
func (w *world) frames(path string, header ...string) <-chan string {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	if len(header) == 2 {
		req.Header.Set(header[0], header[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		w.Fatalf("%s: %s", path, resp.Status)
	}
	out := make(chan string, 100)
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	lines.Scan() // the first comment: from here on it is a stream
	go func() {
		defer close(out)
		frame := ""
		for lines.Scan() {
			if lines.Text() != "" {
				frame += lines.Text() + "\n"
				continue
			}
			if frame != "" && !strings.HasPrefix(frame, ":") {
				out <- frame
			}
			frame = ""
		}
	}()
	return out
}

func (w *world) next(frames <-chan string) string {
	w.Helper()
	select {
	case f := <-frames:
		return f
	case <-time.After(time.Minute):
		w.Fatal("nothing comes")
		return ""
	}
}

func TestStream(t *testing.T) {
	w := start(t, nil)
	w.post("/", sample("e1"), false, 204)
	w.post("/", sample("e2"), false, 204)
	fresh := w.frames("/api/v1/stream")
	whole := w.frames("/api/v1/stream?after=0&filter=" + "id+%3C%3E+%27e2%27")
	resumed := w.frames("/api/v1/stream?after=0", "Last-Event-ID", "1")
	resp, err := http.Get(w.url + "/api/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one more than MAX_STREAMS: %s", resp.Status)
	}
	w.post("/", sample("e3"), false, 204)
	for name, test := range map[string]struct {
		frames <-chan string
		want   []int
	}{"fresh": {fresh, []int{3}}, "whole": {whole, []int{1, 3}}, "resumed": {resumed, []int{2, 3}}} {
		for _, seq := range test.want {
			f := w.next(test.frames)
			if !strings.HasPrefix(f, fmt.Sprintf("id: %d\ndata: {", seq)) {
				t.Fatalf("%s: %q, want %d", name, f, seq)
			}
			var e history.Entry
			if err := json.Unmarshal([]byte(strings.SplitN(f, "data: ", 2)[1]), &e); err != nil || e.Event.ID() != fmt.Sprintf("e%d", seq) {
				t.Errorf("%s: %v %q", name, err, f)
			}
		}
	}
	w.end()
	for _, frames := range []<-chan string{fresh, whole, resumed} {
		if f := w.next(frames); !strings.HasPrefix(f, "event: end\ndata: {\"error\":\"the archive is being shut down") {
			t.Errorf("the end is %q", f)
		}
	}
}

// A reader that does not read holds up neither writers nor other readers.
func TestASlowReaderHoldsUpNobody(t *testing.T) {
	w := start(t, nil)
	resp, err := http.Get(w.url + "/api/v1/stream?after=0") // whose body is not read
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	quick := w.frames("/api/v1/stream?after=0")
	const n = 300 // of 60 KB: more than sockets take
	for i := range n {
		e := sample(fmt.Sprintf("e%d", i))
		e.DataEncoded = []byte(`"` + strings.Repeat("x", 60_000) + `"`)
		w.post("/", e, false, 204)
		w.next(quick)
	}
}

func TestMetrics(t *testing.T) {
	w := start(t, nil)
	outcome := func(id, name, source, data string) event.Event {
		e := sample(id)
		e.SetType("dev.quench.action." + name)
		e.SetSource(source)
		e.DataEncoded = []byte(data)
		return e
	}
	done := `{"function":"job-runner","outcome":"succeeded","reason":"Created","actions":[{"outcome":"succeeded","startedAt":"2026-11-20T22:00:00Z","finishedAt":"2026-11-20T22:00:00.2Z","durationSeconds":0.2}]}`
	for _, e := range []event.Event{
		sample("e1"), sample("e1"),
		outcome("o1", "succeeded", "/quench/job-runner", done), outcome("o1", "succeeded", "/quench/job-runner", done),
		outcome("o2", "skipped", "/quench/job-runner", `{"function":"job-runner","reason":"not a name {}","actions":[{"outcome":"skipped"}]}`),
		outcome("o3", "succeeded", "/elsewhere", done), outcome("o4", "invented", "/quench/job-runner", done),
		outcome("o5", "failed", "/quench/x", `{"function":"BAD NAME"}`), outcome("o6", "failed", "/quench/x", `[]`),
	} {
		w.post("/", e, false, 204)
	}
	letter := sample("e9")
	letter.SetExtension("knativeerrorcode", "503")
	w.post("/dead-letters", letter, false, 204)
	var text string
	w.get("/metrics", 200, &text)
	for _, want := range []string{
		`quench_actions_total{function="job-runner",outcome="succeeded",reason="Created"} 1`,
		`quench_actions_total{function="job-runner",outcome="skipped",reason="Other"} 1`,
		`quench_action_duration_seconds_count{function="job-runner"} 1`,
		`quench_action_duration_seconds_sum{function="job-runner"} 0.2`,
		`quench_archive_events_total{kind="event"} 7`, `quench_archive_events_total{kind="repeat"} 2`, `quench_archive_events_total{kind="dead_letter"} 1`,
		`quench_dead_letters_total{code="503"} 1`, `quench_archive_events 8`, `quench_archive_dead_letters_pending 1`, `quench_archive_write_seconds_count 10`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if !strings.Contains(text, "\nquench_archive_bytes ") || strings.Count(text, "\nquench_actions_total{") != 2 {
		t.Errorf("metrics:\n%s", text)
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// What the archive reads of outcomes is what functions write.
func TestOutcomesAreThoseOfFunctions(t *testing.T) {
	w := start(t, nil)
	finished := time.Now()
	for i, outcome := range []function.Outcome{function.Failed, function.Succeeded, function.Started, function.Planned, function.Skipped} {
		data, err := json.Marshal(function.OutcomeData{Function: "rollback", Outcome: outcome, Reason: function.ReasonNotConcerned, Actions: []function.Acted{{
			Outcome: outcome, StartedAt: &finished, FinishedAt: &finished, Seconds: 1.5,
		}}})
		if err != nil {
			t.Fatal(err)
		}
		e := sample(fmt.Sprintf("o%d", i))
		e.SetType(outcome.Type())
		e.SetSource("/quench/rollback")
		e.DataEncoded = data
		w.post("/", e, false, 204)
	}
	var text string
	w.get("/metrics", 200, &text)
	if n := strings.Count(text, `reason="`+string(function.ReasonNotConcerned)+`"} 1`); n != 5 || !strings.Contains(text, `quench_action_duration_seconds_sum{function="rollback"} 7.5`) {
		t.Errorf("counted %d:\n%s", n, text)
	}
}
