package adapter

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/valyala/fasthttp"

	"github.com/quench-dev/quench/config"
)

const (
	answerBytes  = 64 << 10 // read of an answer; of a larger one the status counts, and it costs its connection
	snippetBytes = 200      // of a refusal's text that an error carries
	dialTimeout  = 10 * time.Second
)

// HTTPSender posts events to one URL in binary mode, over connections that are
// kept: as many as there may be sends. It is used from many goroutines.
//
// The client is fasthttp's, because what net/http's takes for a request was nearly
// half of all that the adapter did. It speaks HTTP/1.1.
type HTTPSender struct {
	client *fasthttp.HostClient
	post   fasthttp.Request // what all requests have: the URL, and who asks
}

// NewHTTPSender makes a sender to cfg.Sink that trusts cfg.CACerts beside the
// system's authorities. How long one send may take is its context's to say.
func NewHTTPSender(cfg config.Adapter) (*HTTPSender, error) {
	sink := cfg.Sink.URL
	s := &HTTPSender{client: &fasthttp.HostClient{
		Addr:                fasthttp.AddMissingPort(sink.Host, sink.Scheme == "https"),
		IsTLS:               sink.Scheme == "https",
		MaxConns:            cfg.MaxSends,
		MaxConnWaitTimeout:  time.Duration(cfg.SendTimeout),
		WriteTimeout:        time.Duration(cfg.SendTimeout), // without one a TLS handshake could take for ever
		MaxIdleConnDuration: 90 * time.Second,
		MaxResponseBodySize: answerBytes,
		ReadBufferSize:      16 << 10, // an answer's header fits in, or it is an error
		WriteBufferSize:     8 << 10,  // most events in one go
		DialTimeout:         dial,
	}}
	s.client.RetryIfErr = s.again
	if cfg.CACerts != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("K_CA_CERTS: read the system's certificates: %w", err)
		}
		if !pool.AppendCertsFromPEM([]byte(cfg.CACerts)) {
			return nil, errors.New("K_CA_CERTS: want certificates in PEM, and there is none")
		}
		s.client.TLSConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	s.post.Header.DisableNormalizing() // the names are as they should be
	s.post.Header.SetMethod(fasthttp.MethodPost)
	s.post.Header.SetUserAgent("quench-adapter/" + config.Version)
	if user := sink.User; user != nil {
		password, _ := user.Password()
		s.post.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
		sink.User = nil
	}
	s.post.SetRequestURI(sink.String())
	s.post.URI().DisablePathNormalizing = true
	return s, nil
}

func dial(address string, most time.Duration) (net.Conn, error) {
	if most <= 0 || most > dialTimeout {
		most = dialTimeout
	}
	d := net.Dialer{Timeout: most, KeepAlive: 30 * time.Second}
	return d.Dial("tcp", address)
}

// again says whether a request that failed is sent once more: that the sink has
// closed a connection that was kept is no failure. The others that were kept may be
// closed, too, so none is taken. An event that the sink had taken all the same
// comes with the same identity and time.
func (s *HTTPSender) again(_ *fasthttp.Request, attempts int, err error) (resetTimeout, retry bool) {
	if attempts > 1 || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return false, false
	}
	s.client.CloseIdleConnections()
	return false, true
}

// Send posts one event. Only a 2xx is acceptance; a redirect is not followed,
// because what answers there has not been configured.
func (s *HTTPSender) Send(ctx context.Context, e event.Event) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	s.post.CopyTo(req)
	if err := write(req, e); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return errors.New("a send without an end")
	}
	switch err := s.client.DoDeadline(req, resp, deadline); {
	case errors.Is(err, fasthttp.ErrTimeout):
		return fmt.Errorf("post to sink: %w", context.DeadlineExceeded)
	case err != nil && !errors.Is(err, fasthttp.ErrBodyTooLarge):
		return fmt.Errorf("post to sink: %w", err)
	case resp.StatusCode()/100 == 2:
		return nil
	}
	text := resp.Body()
	text = text[:min(len(text), snippetBytes)]
	return &refusal{resp.StatusCode(), strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "")), " ")}
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

// SinkName is where cfg says that events go, for people: without a user's name,
// a password or a query. Empty without a sink.
func SinkName(cfg config.Adapter) string {
	if !cfg.Sink.Set() {
		return ""
	}
	u := url.URL{Scheme: cfg.Sink.Scheme, Host: cfg.Sink.Host, Path: cfg.Sink.Path}
	return u.String()
}
