package adapter

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
)

const (
	drainBytes   = 64 << 10 // read of an answer, so that its connection is kept
	snippetBytes = 200      // of a refusal's text that an error carries
)

// HTTPSender posts events to one URL in binary mode, over one client whose
// connections are kept: as many as there may be sends. It is used from many
// goroutines.
type HTTPSender struct {
	url    *url.URL
	client *http.Client
}

// NewHTTPSender makes a sender to cfg.Sink that trusts cfg.CACerts beside the
// system's authorities. How long one send may take is its context's to say.
func NewHTTPSender(cfg config.Adapter) (*HTTPSender, error) {
	tr := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           cfg.MaxSends,
		MaxIdleConnsPerHost:    cfg.MaxSends,
		MaxConnsPerHost:        cfg.MaxSends,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}
	if cfg.CACerts != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("K_CA_CERTS: read the system's certificates: %w", err)
		}
		if !pool.AppendCertsFromPEM([]byte(cfg.CACerts)) {
			return nil, errors.New("K_CA_CERTS: want certificates in PEM, and there is none")
		}
		tr.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &HTTPSender{
		url: &cfg.Sink.URL, // with its userinfo, which becomes a header and nothing else
		client: &http.Client{
			Transport:     tr,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Send posts one event. Only a 2xx is acceptance; a redirect is not followed,
// because what answers there has not been configured.
func (s *HTTPSender) Send(ctx context.Context, e event.Event) error {
	req, err := s.request(ctx, e)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	alert.EventTrace(e).SetHeader(req.Header) // for brokers and proxies, which look at no attribute
	// A kept connection that the sink has just closed is no failure: net/http
	// sends again on another one when told that this does no harm. An event that
	// the sink had taken all the same comes with the same identity and time.
	req.Header["X-Idempotency-Key"] = nil
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("post to sink: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		_, _ = io.CopyN(io.Discard, resp.Body, drainBytes) // what is left costs the connection, no more
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, snippetBytes))
	_, _ = io.CopyN(io.Discard, resp.Body, drainBytes)
	return &refusal{resp.StatusCode, strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "")), " ")}
}

// refusal is an answer other than 2xx.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string {
	if r.text == "" {
		return fmt.Sprintf("sink answered %d", r.code)
	}
	return fmt.Sprintf("sink answered %d: %s", r.code, r.text)
}

// withoutURL takes the URL, which may hold a name and a password, off an error.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// SinkName is where cfg says that events go, for people: without a user's name,
// a password or a query. Empty without a sink.
func SinkName(cfg config.Adapter) string {
	if !cfg.Sink.Set() {
		return ""
	}
	u := url.URL{Scheme: cfg.Sink.Scheme, Host: cfg.Sink.Host, Path: cfg.Sink.Path}
	return u.String()
}
