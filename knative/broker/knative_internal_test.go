package broker

import (
	"context"
	"errors"
	"math"
	"net/http"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	duckv1 "knative.dev/eventing/pkg/apis/duck/v1"
	"knative.dev/eventing/pkg/broker"
	"knative.dev/eventing/pkg/kncloudevents"
)

func TestAttributesAreKnatives(t *testing.T) {
	if ttlAttribute != broker.TTLAttribute || arrivalAttribute != broker.EventArrivalTime {
		t.Errorf("%s, %s; Knative: %s, %s", ttlAttribute, arrivalAttribute, broker.TTLAttribute, broker.EventArrivalTime)
	}
}

// TestRetriedAsOnKnative compares every status that there is, and no answer at all.
func TestRetriedAsOnKnative(t *testing.T) {
	for code := -1; code < 1000; code++ {
		want, err := kncloudevents.SelectiveRetry(context.Background(), &http.Response{StatusCode: code}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{&StatusError{Code: code}, cehttp.NewResult(code, "x")} {
			if got := accepted(err) != nil && retryable(err); got != want {
				t.Errorf("status %d: retried %v, Knative: %v", code, got, want)
			}
		}
	}
	want, _ := kncloudevents.SelectiveRetry(context.Background(), nil, errors.New("no route"))
	if got := retryable(errors.New("no route")); got != want {
		t.Errorf("no answer: retried %v, Knative: %v", got, want)
	}
}

func TestPolicyIsKnatives(t *testing.T) {
	linear, exponential := duckv1.BackoffPolicyLinear, duckv1.BackoffPolicyExponential
	for name, spec := range map[string]duckv1.DeliverySpec{
		"empty":            {},
		"retry":            {Retry: pointer(int32(4))},
		"linear":           {BackoffPolicy: &linear, BackoffDelay: pointer("PT0.2S")},
		"exponential":      {BackoffPolicy: &exponential, BackoffDelay: pointer("PT0.2S")},
		"minutes":          {BackoffPolicy: &exponential, BackoffDelay: pointer("PT1M30S")},
		"days":             {BackoffPolicy: &linear, BackoffDelay: pointer("P1D")},
		"tenths only":      {BackoffPolicy: &exponential, BackoffDelay: pointer("PT0.25S")},
		"no delay":         {BackoffPolicy: &exponential, BackoffDelay: pointer("PT0S")},
		"policy alone":     {BackoffPolicy: &linear},
		"delay alone":      {BackoffDelay: pointer("PT1S")},
		"timeout":          {Timeout: pointer("PT1M")},
		"bad delay":        {BackoffPolicy: &linear, BackoffDelay: pointer("1s")},
		"bad timeout":      {Timeout: pointer("1m")},
		"bad retry after":  {RetryAfterMax: pointer("x")},
		"bad delay, alone": {BackoffDelay: pointer("1s")},
	} {
		t.Run(name, func(t *testing.T) {
			want, wantErr := kncloudevents.RetryConfigFromDeliverySpec(spec)
			got, err := policyOf(&spec, 0)
			if (err != nil) != (wantErr != nil) {
				t.Fatalf("error %v, Knative: %v", err, wantErr)
			}
			if err != nil {
				return
			}
			if got.retries != want.RetryMax || got.timeout != want.RequestTimeout {
				t.Errorf("%d retries, timeout %v; Knative: %d, %v", got.retries, got.timeout, want.RetryMax, want.RequestTimeout)
			}
			for n := range 15 {
				if got, want := got.backoff(n, errors.New("x")), want.Backoff(n, nil); got != want {
					t.Errorf("wait after attempt %d: %v, Knative: %v", n, got, want)
				}
			}
		})
	}
}

func TestBackoffDoesNotOverflow(t *testing.T) {
	p := policy{exponential: true, delay: time.Second}
	for _, n := range []int{40, 63, 64, 1024, 5000} {
		if got := p.backoff(n, nil); got != math.MaxInt64 {
			t.Errorf("wait after attempt %d: %v", n, got)
		}
	}
	p.delay = 0
	if got := p.backoff(5000, nil); got != 0 {
		t.Errorf("wait of no delay: %v", got)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		header string
		code   int
		most   time.Duration
		want   time.Duration
	}{
		"not asked for":  {"7", 503, 0, time.Second},
		"seconds":        {"7", 503, time.Minute, 7 * time.Second},
		"too many":       {"7", 429, time.Minute, 7 * time.Second},
		"other status":   {"7", 500, time.Minute, time.Second},
		"bounded":        {"3600", 503, time.Minute, time.Minute},
		"date":           {"Fri, 20 Nov 2026 22:00:09 GMT", 503, time.Minute, 9 * time.Second},
		"past":           {"Fri, 20 Nov 2020 22:00:09 GMT", 503, time.Minute, time.Second},
		"shorter":        {"0", 503, time.Minute, time.Second},
		"negative":       {"-5", 503, time.Minute, time.Second},
		"nonsense":       {"soon", 503, time.Minute, time.Second},
		"larger than 32": {"99999999999", 503, time.Minute, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy{exponential: true, delay: time.Second, retryAfterMax: tc.most}
			after := retryAfter(http.Header{"Retry-After": {tc.header}}, now)
			if got := p.backoff(0, &StatusError{Code: tc.code, RetryAfter: after}); got != tc.want {
				t.Errorf("wait %v, want %v", got, tc.want)
			}
		})
	}
}

func pointer[T any](v T) *T { return &v }
