package notifier

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Reason codes of what a receiver refuses for good.
const (
	ReasonRefused  = "Refused"
	ReasonTemplate = "BadTemplate"
)

// failure is why a message is not known to have got through.
type failure struct {
	err    error
	reason string        // a code, where trying again would not mend it
	after  time.Duration // how long the receiver asks to be left alone; 0: it does not
	maybe  bool          // it may have got through all the same
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func (f *failure) final() bool { return f.reason != "" }

// Retry-After is believed within these bounds; a receiver that says none is left
// alone for the least.
const (
	minRest = time.Second
	maxRest = time.Hour
)

// restFor reads a Retry-After, in seconds or as a date.
func restFor(text string, now time.Time) time.Duration {
	wait := minRest
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		wait = time.Duration(min(n, int64(maxRest/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, minRest), maxRest)
}

// unreached is what became of a request that had no answer. One whose connection
// was not made did not get through.
func unreached(err error) *failure {
	err = plainly(err)
	var op *net.OpError
	dialled := errors.As(err, &op) && op.Op == "dial"
	var dns *net.DNSError
	return &failure{err: err, maybe: !dialled && !errors.As(err, &dns)}
}

// refusedBy is what an answer means that is no success.
func refusedBy(resp *http.Response, says string, now time.Time) *failure {
	err := fmt.Errorf("answered %s", resp.Status)
	if says != "" {
		err = fmt.Errorf("%w: %.200q", err, says)
	}
	code := resp.StatusCode
	switch after := resp.Header.Get("Retry-After"); {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && after != "":
		return &failure{err: err, after: restFor(after, now)}
	case code == http.StatusServiceUnavailable:
		return &failure{err: err}
	case code == http.StatusRequestTimeout, code >= http.StatusInternalServerError:
		return &failure{err: err, maybe: true}
	case code >= 300 && code < 400:
		return &failure{err: fmt.Errorf("%w, which is not followed; want the address that it leads to", err), reason: ReasonRefused}
	}
	return &failure{err: err, reason: ReasonRefused}
}

// pause waits, and says whether that took as long as was asked for.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
