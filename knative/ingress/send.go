package ingress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

const (
	drainBytes   = 64 << 10 // read of an answer, so that its connection is kept
	snippetBytes = 200      // of a refusal's text that an error carries
)

// Sender posts events to one address, over one client.
type Sender struct {
	Name    string // for people; never with a password
	URL     string
	Client  *http.Client
	Timeout time.Duration // of one event; 0 means a minute
}

// To sends to the URL of a Broker, or of whatever else takes CloudEvents.
func To(address string) (*Sender, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q: want a URL such as http://localhost:8080/", withoutUser(address))
	}
	// What answers to a redirect is not what was named.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Sender{Name: u.Redacted(), URL: u.String(), Client: client}, nil
}

// withoutUser keeps the password of a URL that cannot be parsed out of errors.
func withoutUser(address string) string {
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		return "…" + address[at:]
	}
	return address
}

// RefusedError is an answer other than 2xx.
type RefusedError struct {
	By   string // the sender's name
	Code int
	Text string // the beginning of what it said
}

func (r *RefusedError) Error() string {
	text := fmt.Sprintf("send to %s: %d %s", r.By, r.Code, http.StatusText(r.Code))
	if r.Text != "" {
		text += ": " + r.Text
	}
	return text
}

// Final says whether this event would be refused again, and another might not: what
// is wrong is in the event. Rights that are missing, or an address that is none, are
// not.
func (r *RefusedError) Final() bool {
	switch r.Code {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		http.StatusUnprocessableEntity, http.StatusRequestHeaderFieldsTooLarge:
		return true
	}
	return false
}

// Send posts one event in binary mode. Only a 2xx is acceptance; any other answer
// is a *RefusedError, and another error means that it is not known whether the
// event got through.
func (s *Sender) Send(ctx context.Context, e event.Event) error {
	most := s.Timeout
	if most <= 0 {
		most = timeout
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, http.NoBody)
	if err != nil {
		return err
	}
	if err := cehttp.WriteRequest(binding.WithForceBinary(ctx), binding.ToMessage(&e), r); err != nil {
		return err
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL, which may hold a password
		}
		return fmt.Errorf("send to %s: %w", s.Name, err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, snippetBytes))
	_, _ = io.CopyN(io.Discard, resp.Body, drainBytes)
	if resp.StatusCode/100 != 2 {
		return &RefusedError{s.Name, resp.StatusCode, strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "")), " ")}
	}
	return nil
}
