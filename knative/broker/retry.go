package broker

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/rickb777/date/period"
	duckv1 "knative.dev/eventing/pkg/apis/duck/v1"
)

// policy is a delivery spec, read as Knative reads it.
type policy struct {
	retries       int
	exponential   bool
	delay         time.Duration // zero unless both backoffPolicy and backoffDelay are there
	timeout       time.Duration
	retryAfterMax time.Duration // zero: Retry-After is ignored
}

// policyOf reads a delivery spec; nil is one attempt. Knative's own reader is not used because its package brings the
// Kubernetes clients, OpenTelemetry and Prometheus with it; a test holds this one to it.
func policyOf(spec *duckv1.DeliverySpec, timeout time.Duration) (policy, error) {
	p := policy{timeout: timeout}
	if spec == nil {
		return p, nil
	}
	if spec.Retry != nil {
		p.retries = int(*spec.Retry)
	}
	// Knative waits only if it is told both how and how long.
	if spec.BackoffPolicy != nil && spec.BackoffDelay != nil {
		p.exponential = *spec.BackoffPolicy == duckv1.BackoffPolicyExponential
		if err := read(&p.delay, "backoffDelay", spec.BackoffDelay); err != nil {
			return p, err
		}
	}
	if err := read(&p.timeout, "timeout", spec.Timeout); err != nil {
		return p, err
	}
	if p.timeout <= 0 {
		p.timeout = timeout
	}
	return p, read(&p.retryAfterMax, "retryAfterMax", spec.RetryAfterMax)
}

// Patience is how long Knative waits before each retry that a delivery spec asks for, and how long it lets a try take: zero
// is no bound. An error names the field.
func Patience(spec *duckv1.DeliverySpec) (waits []time.Duration, timeout time.Duration, err error) {
	p, err := policyOf(spec, 0)
	if err != nil {
		return nil, 0, err
	}
	for n := range min(p.retries, 1000) {
		waits = append(waits, p.backoff(n, nil))
	}
	return waits, p.timeout, nil
}

// read parses an ISO 8601 duration, and leaves d alone if there is none. Knative's parser, which this is, cuts it to
// tenths of a second: PT0.25S is 0.2 seconds, and PT0.05S none.
func read(d *time.Duration, field string, text *string) error {
	if text == nil {
		return nil
	}
	parsed, err := period.Parse(*text)
	if err != nil {
		return fmt.Errorf("%s %q: %w", field, *text, err)
	}
	*d, _ = parsed.Duration() // inexact only for years and months
	return nil
}

// backoff is the wait after attempt n, from 0, failed. Linear, that is n times the delay, and so none before the first
// retry; exponential, 2ⁿ times the delay. What would overflow is the longest time there is.
func (p policy) backoff(n int, err error) time.Duration {
	factor := float64(n)
	if p.exponential {
		factor = math.Exp2(factor)
	}
	wait := time.Duration(math.MaxInt64)
	if p.delay <= 0 {
		wait = 0
	} else if factor*float64(p.delay) < math.MaxInt64 {
		wait = time.Duration(factor) * p.delay
	}
	status := new(StatusError)
	if errors.As(err, &status) &&
		(status.Code == http.StatusTooManyRequests || status.Code == http.StatusServiceUnavailable) {
		wait = max(wait, min(status.RetryAfter, p.retryAfterMax))
	}
	return wait
}

// retryable is Knative's rule, its SelectiveRetry: no answer, what may pass, and what a starting service answers.
func retryable(err error) bool {
	status, ok := statusOf(err)
	if !ok {
		return true
	}
	switch status {
	case http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests, -1:
		return true
	}
	return status >= http.StatusInternalServerError
}
