package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/quench-dev/quench/knative/history"
)

const (
	// MaxLine bounds one line of a stream: one entry.
	MaxLine = 16 << 20
	// silence is how long a stream may say nothing, not even a comment, before it is
	// taken for dead.
	silence = 90 * time.Second
)

// waits are between tries to follow a stream again.
var waits = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}

// errEach marks an error of whom entries are handed to.
type errEach struct{ error }

// Stream follows what comes after q.After or, without it, from q.Since on or, without
// both, from now on, for as long as ctx lasts and each does not answer an error. A
// stream that breaks off is taken up where it was: each entry
// is handed over once. lost, if it is not nil, is told why it broke off, and when it
// is tried again. What the archive refuses for good is an error.
func (a *Archive) Stream(ctx context.Context, q history.Query, each func(history.Entry) error, lost func(err error, wait time.Duration)) error {
	if q.After == 0 && q.Since.IsZero() {
		// So that what comes while the stream is broken off is not missed.
		err := a.List(ctx, history.Query{Descending: true}, 1, func(e history.Entry) error { q.After = e.Seq; return nil })
		if err != nil {
			return err
		}
	}
	for failures := 0; ; failures++ {
		before := q.After
		err := a.follow(ctx, &q, each)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end that was asked for
		}
		if stop, ok := errors.AsType[errEach](err); ok {
			return stop.error
		}
		if status, ok := errors.AsType[*StatusError](err); ok && status.Code < 500 && status.Code != http.StatusTooManyRequests {
			return err
		}
		if q.After != before {
			failures = 0
		}
		wait := waits[min(failures, len(waits)-1)]
		if lost != nil {
			lost(err, wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// follow reads one stream until it ends; that is always an error.
func (a *Archive) follow(ctx context.Context, q *history.Query, each func(history.Entry) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(silence, func() { cancel(fmt.Errorf("nothing came for %s", silence)) })
	defer quiet.Stop()
	query := q.Values()
	query.Set("after", strconv.FormatInt(q.After, 10)) // 0, too: not from now on
	resp, err := a.open(ctx, "api/v1/stream", query, http.Header{"Accept": {"text/event-stream"}})
	if err != nil {
		return because(ctx, err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReaderSize(resp.Body, 64<<10)
	var kind string
	var data []byte
	for {
		line, err := readLine(lines)
		if err != nil {
			return because(ctx, fmt.Errorf("%s: stream: %w", a.name, err))
		}
		quiet.Reset(silence)
		switch {
		case len(line) == 0 && kind == "end":
			return fmt.Errorf("%s: stream: %.200s", a.name, data)
		case len(line) == 0 && data != nil:
			var e history.Entry
			if err := json.Unmarshal(data, &e); err != nil {
				return fmt.Errorf("%s: stream: %w", a.name, err)
			}
			data = nil
			if err := each(e); err != nil {
				return errEach{err}
			}
			q.After = e.Seq
		case bytes.HasPrefix(line, []byte("event:")):
			kind = string(bytes.TrimSpace(line[len("event:"):]))
		case bytes.HasPrefix(line, []byte("data:")):
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(line[len("data:"):], []byte(" "))...)
			if len(data) > MaxLine {
				return fmt.Errorf("%s: stream: an entry of more than %d bytes", a.name, MaxLine)
			}
		}
	}
}

// because is why the stream was ended on this side, where it was.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// readLine reads a line without its end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > MaxLine:
			return nil, fmt.Errorf("a line of more than %d bytes", MaxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}
