package plane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// client asks the API server the few things that the start needs to know.
type client struct {
	server, token string
	http          http.Client
}

// statusError is an answer of the API server other than 2xx.
type statusError struct {
	status int
	body   string
}

func (e statusError) Error() string {
	return fmt.Sprintf("status %d: %s", e.status, e.body)
}

func isNotFound(err error) bool {
	var answer statusError
	return errors.As(err, &answer) && answer.status == http.StatusNotFound
}

func newClient(server, token string, ca []byte) (*client, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("no certificate in the CA file")
	}
	return &client{server: server, token: token, http: http.Client{
		Timeout: 10 * time.Second,
		// No proxy from the environment: the server is on this machine.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
	}}, nil
}

func (c *client) get(ctx context.Context, path string) error {
	return c.do(ctx, http.MethodGet, path)
}

// do sends a request without a body; anything but a 2xx answer is an error.
func (c *client) do(ctx context.Context, method, path string) error {
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return statusError{status: response.StatusCode, body: strings.TrimSpace(string(body))}
	}
	return nil
}
