package broker

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// StatusError is an answer of a subscriber that means failure.
type StatusError struct {
	// Code is the HTTP status.
	Code int
	// Body is what came with it, or what is wrong with it.
	Body []byte
	// RetryAfter is how long the subscriber asks to be left alone, from its header; zero if it did not.
	RetryAfter time.Duration
}

// Error says the status and the beginning of the body.
func (e *StatusError) Error() string {
	const most = 200
	text := fmt.Sprintf("status %d %s", e.Code, http.StatusText(e.Code))
	if len(e.Body) > most {
		return fmt.Sprintf("%s: %.*q…", text, most, e.Body)
	}
	if len(e.Body) > 0 {
		return fmt.Sprintf("%s: %s", text, e.Body)
	}
	return text
}

// statusOf finds the status that an error carries, if it does.
func statusOf(err error) (int, bool) {
	if e := new(StatusError); errors.As(err, &e) {
		return e.Code, true
	}
	if e := new(cehttp.Result); errors.As(err, &e) {
		return e.StatusCode, true
	}
	return 0, false
}

// accepted is nil for sdk-go's way to say that all is well with an error.
func accepted(err error) error {
	if e := new(cehttp.Result); errors.As(err, &e) && e.StatusCode >= 200 && e.StatusCode < 300 {
		return nil
	}
	return err
}
