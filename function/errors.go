package function

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Reason codes that any function may give.
const (
	ReasonDone          = "Done"
	ReasonDryRun        = "DryRun"
	ReasonProposed      = "Proposed"
	ReasonBadEvent      = "BadEvent"
	ReasonStale         = "Stale"
	ReasonNotFiring     = "NotFiring"
	ReasonSuppressed    = "Suppressed"
	ReasonNotConcerned  = "NotConcerned"
	ReasonResolved      = "Resolved"
	ReasonAlertResolved = "AlertResolved"
	ReasonCoolingDown   = "CoolingDown"
	ReasonSameAlert     = "SameAlert"
	ReasonHourlyLimit   = "HourlyLimit"
	ReasonBreakerOpen   = "BreakerOpen"
	ReasonUnknown       = "Unknown"
	ReasonPanic         = "Panic"
	ReasonFailed        = "Failed"
	ReasonForbidden     = "Forbidden"
	ReasonInvalid       = "Invalid"
	ReasonNotFound      = "NotFound"
	ReasonAlreadyExists = "AlreadyExists"
)

// decision is an error whose consequence was decided where it was made.
type decision struct {
	outcome Outcome // skipped or failed; empty: try again
	reason  string
	err     error
	unsure  bool // it may have been done all the same
	keep    bool // the event goes to the dead-letter sink
}

func (d *decision) Error() string { return d.err.Error() }
func (d *decision) Unwrap() error { return d.err }

// Skip is why something is deliberately not done.
func Skip(reason, format string, args ...any) error {
	return &decision{outcome: Skipped, reason: reason, err: fmt.Errorf(format, args...)}
}

// IsSkip says whether an error was made by Skip.
func IsSkip(err error) bool {
	outcome, _ := decide(err)
	return outcome == Skipped
}

// IsFinal says whether trying again would not mend an error.
func IsFinal(err error) bool {
	outcome, _ := decide(err)
	return outcome != ""
}

// IsDecided says whether an error was made by Skip, Fail, Retry or Unsure.
func IsDecided(err error) bool {
	var d *decision
	return errors.As(err, &d)
}

// Fail is an error that trying again would not mend.
func Fail(reason, format string, args ...any) error {
	return &decision{outcome: Failed, reason: reason, err: fmt.Errorf(format, args...)}
}

// Refuse is a Fail of which the event itself is worth keeping: the broker hands it
// to the dead-letter sink at once, from where it can be sent again once people have
// mended what is wrong. For Listeners; an Action's failure is an outcome.
func Refuse(reason, format string, args ...any) error {
	return &decision{outcome: Failed, reason: reason, err: fmt.Errorf(format, args...), keep: true}
}

// Retry is an error that may pass, and with which nothing was done; err may be
// nil, and then so is the answer. The broker will deliver the event again.
func Retry(err error) error {
	if err == nil {
		return nil
	}
	return &decision{err: err}
}

// Unsure is a Retry where it cannot be told whether it was done: the next
// delivery asks the step to recover.
func Unsure(err error) error {
	if err == nil {
		return nil
	}
	return &decision{err: err, unsure: true}
}

func unsure(err error) bool {
	var d *decision
	return !errors.As(err, &d) || d.unsure
}

// FromAPI decides what becomes of an error of the Kubernetes API: what may pass
// is a Retry, or Unsure where the request may have got through, and what was
// refused is a Fail with the API's own message. verb says what
// was tried, as in "create job shop/x".
func FromAPI(verb string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", verb, err)
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return Unsure(err) // no answer: the network, a deadline
	}
	switch code := status.Status().Code; {
	case code == http.StatusForbidden:
		return Fail(ReasonForbidden, "%w", err)
	case apierrors.IsAlreadyExists(err):
		return Fail(ReasonAlreadyExists, "%w", err)
	case apierrors.IsInvalid(err), code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge,
		code == http.StatusMethodNotAllowed, code == http.StatusUnsupportedMediaType:
		return Fail(ReasonInvalid, "%w", err)
	case apierrors.IsNotFound(err), apierrors.IsGone(err):
		return Fail(ReasonNotFound, "%w", err)
	case code == http.StatusUnauthorized, code == http.StatusConflict, code == http.StatusTooManyRequests,
		code == http.StatusServiceUnavailable: // 401: a token being rotated
		return Retry(err)
	default: // 500, 504: the store may have taken it
		return Unsure(err)
	}
}

// decide says what an error means: an outcome with its reason, or none where it
// may pass. An error that nobody decided on is final, unless it is the network's
// or a deadline's.
func decide(err error) (outcome Outcome, reason string) {
	var d *decision
	if errors.As(err, &d) {
		return d.outcome, d.reason
	}
	var network net.Error
	var sent *url.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &network), errors.As(err, &sent):
		return "", ""
	}
	return Failed, ReasonFailed
}

// refused says whether an error was made by Refuse.
func refused(err error) bool {
	var d *decision
	return errors.As(err, &d) && d.keep
}

// errRefused is what errors of unprocessable are, whatever they say.
var errRefused = cehttp.NewResult(http.StatusUnprocessableEntity, "")

// unprocessable becomes the one status that is final and has the broker keep the
// event: a 4xx that Knative does not retry.
func unprocessable(err error) error {
	return cehttp.NewResult(http.StatusUnprocessableEntity, "%w", err)
}

// answer is the one place where an error that may pass becomes a status: 503,
// never one that Knative would take for something else.
func answer(err error) error {
	if err == nil {
		return nil
	}
	return cehttp.NewResult(http.StatusServiceUnavailable, "%w", err)
}
