package registry

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// limits bounds each request in time and size, and keeps what is secret off
// networks: plain HTTP goes to this machine and to those that are named.
type limits struct {
	next     http.RoundTripper
	insecure []string
	most     time.Duration
}

// RoundTrip implements http.RoundTripper. The time runs until the body is closed.
func (l *limits) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !plainHTTP(l.insecure, r.URL.Host) {
		return nil, fmt.Errorf("%w: %s", errPlain, r.URL.Host)
	}
	ctx, cancel := context.WithTimeout(r.Context(), l.most)
	response, err := l.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = &body{ReadCloser: response.Body, left: MaxBytes, cancel: cancel}
	return response, nil
}

// body ends with an error where it is too large.
type body struct {
	io.ReadCloser
	left   int
	cancel func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("%w: an answer of more than %d bytes", ErrTooLarge, MaxBytes)
	}
	return n, err
}

func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// plainHTTP says whether a registry, host or host:port, may be asked without TLS.
func plainHTTP(insecure []string, registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = registry
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback() || slices.Contains(insecure, registry) || slices.Contains(insecure, host)
}
