package broker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/quench-dev/quench/adapter/alert"
)

// MaxResponseBytes is the size above which an answer is not a reply but a failure.
const MaxResponseBytes = 1 << 20

// HTTP is a subscriber that events are POSTed to, in binary mode unless the Trigger's delivery.format says otherwise.
// An answer of 2xx is a reply if it is a CloudEvent and none if it is empty; anything else in it is a failed delivery,
// which Knative's broker turns into a 502. Any other status, redirects included, is a *StatusError. The client may be nil.
func HTTP(url string, client *http.Client) Subscriber {
	own := new(http.Client)
	if client != nil {
		*own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &remote{url: url, client: own}
}

type remote struct {
	url    string
	client *http.Client
}

func (r *remote) Deliver(ctx context.Context, e event.Event) (*event.Event, error) {
	req, err := cehttp.NewHTTPRequestFromEvent(ctx, r.url, e)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Prefer", "reply") // as Knative's dispatcher does
	alert.EventTrace(e).SetHeader(req.Header)
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxResponseBytes+1))
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		// What could be read of the body says more than that it broke off.
		return nil, &StatusError{Code: resp.StatusCode, Body: body, RetryAfter: retryAfter(resp.Header, time.Now())}
	case err != nil:
		return nil, fmt.Errorf("read response: %w", err)
	case len(body) > MaxResponseBytes:
		return nil, badGateway("the response is larger than %d bytes", MaxResponseBytes)
	}
	return replyOf(ctx, resp.Header, body)
}

func replyOf(ctx context.Context, header http.Header, body []byte) (*event.Event, error) {
	message := cehttp.NewMessage(header, io.NopCloser(bytes.NewReader(body)))
	if message.ReadEncoding() == binding.EncodingUnknown {
		if len(body) > 0 {
			return nil, badGateway("the response is neither empty nor a CloudEvent: %.200q", body)
		}
		return nil, nil
	}
	reply, err := binding.ToEvent(ctx, message)
	if err != nil {
		return nil, badGateway("the response is not a valid CloudEvent: %v", err)
	}
	return reply, nil
}

func badGateway(format string, args ...any) *StatusError {
	return &StatusError{Code: http.StatusBadGateway, Body: fmt.Appendf(nil, format, args...)}
}

// retryAfter reads the header in either of its forms, seconds or a date; zero if it is not there or neither.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return max(time.Duration(seconds)*time.Second, 0)
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}
