package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/quench-dev/quench/knative/history"
)

// A stream reads from the store as fast as its reader does, so that no writer
// waits for it and nothing is held for it in memory. keepAlive is how often a
// silent one says that it is there; stuck is how long a reader may take to read
// what was written; poll is how often other processes' events are looked for.
const (
	keepAlive = 15 * time.Second
	stuck     = 30 * time.Second
	poll      = time.Second
)

// errEnding ends the streams of an archive that is shut down.
var errEnding = errors.New("the archive is being shut down: come again")

// stream sends entries as server-sent events as they come: those after the one
// that Last-Event-ID or after= names, or else those that come from now on. What
// ends it is told as the event "end", whose data is {"error": "…"}; a reader that
// does not read is cut off without.
func (a *Archive) stream(w http.ResponseWriter, r *http.Request) {
	q, err := streamQuery(r)
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	if a.streams.Add(1) > int64(a.c.MaxStreams) {
		a.streams.Add(-1)
		answerError(w, http.StatusServiceUnavailable, fmt.Errorf("there are %d streams already", a.c.MaxStreams))
		return
	}
	defer a.streams.Add(-1)
	if q.After == 0 && !r.URL.Query().Has("after") {
		c, err := a.store.Counts(r.Context())
		if err != nil {
			a.failed(w, r, err)
			return
		}
		q.After = c.Newest
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // an nginx on the way holds nothing back
	out := sender{w: w, c: http.NewResponseController(w)}
	if err := out.send(": quench archive\n\n"); err != nil {
		return
	}
	if err := a.follow(r.Context(), out, q); err != nil && r.Context().Err() == nil {
		reason, _ := json.Marshal(map[string]string{"error": err.Error()}) // a string is always JSON
		_ = out.send("event: end\ndata: " + string(reason) + "\n\n")       // who has left does not read it
	}
}

func streamQuery(r *http.Request) (history.Query, error) {
	q, err := history.ParseQuery(r.URL.Query())
	if err != nil {
		return q, err
	}
	if q.Descending {
		return q, errors.New("descending=true: a stream goes forward")
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		q.After, err = strconv.ParseInt(last, 10, 64)
		if err != nil || q.After < 0 {
			return q, fmt.Errorf("Last-Event-ID: %.40q: want the id of an event of this stream", last)
		}
	}
	return q, nil
}

// follow sends what q asks for until ctx ends or something is in the way.
func (a *Archive) follow(ctx context.Context, out sender, q history.Query) error {
	next := time.Now().Add(keepAlive)
	for {
		changed := a.store.Changed() // before the look: what comes meanwhile is told
		n, last, err := a.look(ctx, out, q)
		if err != nil {
			return err
		}
		q.After = last
		if n > 0 {
			next = time.Now().Add(keepAlive)
		}
		wait := time.Until(next)
		if a.store.Polls() {
			wait = min(wait, poll)
		}
		select {
		case <-changed:
		case <-time.After(max(wait, 0)):
		case <-a.ending:
			return errEnding
		case <-ctx.Done():
			return ctx.Err()
		}
		if !time.Now().Before(next) {
			if err := out.send(": still here\n\n"); err != nil {
				return err
			}
			next = time.Now().Add(keepAlive)
		}
	}
}

// look sends all that there is after q.After, and says how much that was and up to
// where it has looked.
func (a *Archive) look(ctx context.Context, out sender, q history.Query) (n int, last int64, err error) {
	for {
		select {
		case <-a.ending:
			return n, q.After, errEnding
		default:
		}
		page, err := a.store.List(ctx, q)
		if err != nil {
			return n, q.After, err
		}
		for i := range page.Events {
			text, err := json.Marshal(page.Events[i])
			if err != nil {
				return n, q.After, err
			}
			if err := out.send(fmt.Sprintf("id: %d\ndata: %s\n\n", page.Events[i].Seq, text)); err != nil {
				return n, q.After, err
			}
			n, q.After = n+1, page.Events[i].Seq
		}
		if page.Next == "" {
			return n, q.After, nil
		}
		if q.After, err = strconv.ParseInt(page.Next, 10, 64); err != nil {
			return n, q.After, err
		}
	}
}

// sender writes to a reader who has to keep up.
type sender struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (s sender) send(text string) error {
	_ = s.c.SetWriteDeadline(time.Now().Add(stuck)) // a writer without deadlines is a test's
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.c.Flush()
}
