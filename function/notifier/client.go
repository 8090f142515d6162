package notifier

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// The bounds of one request to a receiver.
const (
	requestTimeout = 10 * time.Second
	maxAnswer      = 1 << 20
	maxSaid        = 512 // of an answer that is no success, in bytes
)

// client makes all requests but shoutrrr's: with deadlines, by the environment's
// proxy, bounded answers, and without following to where a secret was not meant for.
func newClient() *http.Client {
	return &http.Client{
		Timeout: requestTimeout,
		Transport: bounded{&http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			ForceAttemptHTTP2:   true,
			MaxIdleConns:        10,
			IdleConnTimeout:     time.Minute,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded lets no answer be longer than maxAnswer.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// post sends a body, and answers nil where it was taken. secretURL is never told.
func post(ctx context.Context, client *http.Client, secretURL string, h http.Header, body []byte) *failure {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, secretURL, bytes.NewReader(body))
	if err != nil {
		return &failure{err: plainly(err), reason: ReasonRefused}
	}
	r.Header = h
	resp, err := client.Do(r)
	if err != nil {
		return unreached(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxSaid))
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	return refusedBy(resp, redact(strings.TrimSpace(strings.ToValidUTF8(string(said), "")), secretURL), time.Now())
}
