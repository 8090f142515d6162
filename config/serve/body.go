package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// ErrEncoding is a body that is compressed: a few bytes of it could become
// more than any limit.
var ErrEncoding = errors.New("content-encoding: send the body uncompressed")

// presized is up to where a Content-Length is believed: a client that announces
// much and sends nothing must not cost memory.
const presized = 1 << 20

// Body reads r's body, at most limit bytes of it; every ingress reads with it.
// A longer body is an *http.MaxBytesError, by its Content-Length even before
// anything is read; a compressed one is ErrEncoding. Status turns an error into
// an answer.
//
// Once the body is there the connection's read deadline is lifted: net/http
// would otherwise cancel the request's context when ReadTimeout is over, however
// long after the body that is.
func Body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	for _, v := range r.Header.Values("Content-Encoding") {
		if v = strings.TrimSpace(v); v != "" && !strings.EqualFold(v, "identity") {
			w.Header().Set("Connection", "close")
			return nil, fmt.Errorf("%w (it is %.20q)", ErrEncoding, v)
		}
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return nil, &http.MaxBytesError{Limit: limit}
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	// An error is a writer without deadlines, as in a test's recorder.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return body, nil
}

// readAll reads to the end with one allocation where the length is announced
// and believable.
func readAll(r io.Reader, length int64) ([]byte, error) {
	size := int64(4 << 10)
	if length >= 0 {
		size = min(length, presized)
	}
	buf := make([]byte, 0, size+1) // one more, so that the end shows without growing
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// Status is the answer to an error of Body: 413 past the limit, 415 for a
// compressed body, and 503 for a body that broke off or came too slowly, which
// may come whole the next time.
func Status(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	if errors.Is(err, ErrEncoding) {
		return http.StatusUnsupportedMediaType
	}
	return http.StatusServiceUnavailable
}
