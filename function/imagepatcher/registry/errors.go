package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// What may be wrong with an image, or with an answer about it.
var (
	ErrAbsent     = errors.New("not in the registry")
	ErrTooLarge   = errors.New("too much to read")
	ErrUnreadable = errors.New("the registry's answer cannot be read")

	errPlain = errors.New("speaks plain HTTP, which nothing allows; see INSECURE_REGISTRIES")
)

// DeniedError says that a registry let none of the credentials read a repository.
type DeniedError struct {
	Repository string
	Tried      []string // what they are called, for people
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("the registry denies reading %s; tried: %s", e.Repository, strings.Join(e.Tried, ", "))
}

// AwayError says that a registry could not be asked just now.
type AwayError struct {
	Registry string
	Err      error
	NoHost   bool // there is no host of this name
}

func (e *AwayError) Error() string { return fmt.Sprintf("ask registry %s: %v", e.Registry, e.Err) }

// Unwrap is why.
func (e *AwayError) Unwrap() error { return e.Err }

func denied(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
}

// explain says what an error means, without what a registry wrote.
func explain(repository name.Repository, err error) error {
	var answer *transport.Error
	var sent *url.Error
	var network net.Error
	var away *AwayError
	var refused *DeniedError
	registry := repository.RegistryStr()
	switch {
	case err == nil, errors.Is(err, ErrAbsent), errors.Is(err, ErrTooLarge), errors.As(err, &away), errors.As(err, &refused):
		return err
	case errors.As(err, &answer):
		return fromStatus(registry, answer)
	case errors.Is(err, errPlain) && errors.Is(err, http.ErrSchemeMismatch): // not where it is only away
		return fmt.Errorf("%w: %s has no TLS", errPlain, registry)
	case errors.As(err, &sent):
		return &AwayError{Registry: registry, Err: fmt.Errorf("%s %s: %w", sent.Op, plainURL(sent.URL), innermost(sent)), NoHost: noHost(err)}
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &AwayError{Registry: registry, Err: err, NoHost: noHost(err)}
	}
	return fmt.Errorf("%w: %s", ErrUnreadable, registry)
}

func fromStatus(registry string, answer *transport.Error) error {
	said := fmt.Errorf("%d %s%s", answer.StatusCode, http.StatusText(answer.StatusCode), codes(answer))
	if answer.Request != nil {
		said = fmt.Errorf("%s %s: %w", answer.Request.Method, plainURL(answer.Request.URL.String()), said)
	}
	switch code := answer.StatusCode; {
	case code == http.StatusNotFound:
		return fmt.Errorf("%w (%w)", ErrAbsent, said)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= http.StatusInternalServerError:
		return &AwayError{Registry: registry, Err: said}
	}
	return fmt.Errorf("registry %s refuses: %w", registry, said)
}

var code = regexp.MustCompile(`^[A-Z_]{1,40}$`)

// codes are the distribution specification's, such as MANIFEST_UNKNOWN.
func codes(answer *transport.Error) string {
	var all strings.Builder
	for _, d := range answer.Errors[:min(len(answer.Errors), 3)] {
		if code.MatchString(string(d.Code)) {
			all.WriteString(" " + string(d.Code))
		}
	}
	return all.String()
}

// plainURL leaves out what may be secret: user, query, fragment.
func plainURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(an address)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// innermost is why a request failed, without the addresses of those around it.
func innermost(sent *url.Error) error {
	for {
		var inner *url.Error
		if !errors.As(sent.Err, &inner) {
			return sent.Err
		}
		sent = inner
	}
}

func noHost(err error) bool {
	var lookup *net.DNSError
	return errors.As(err, &lookup) && lookup.IsNotFound
}

var strange = regexp.MustCompile(`[^a-zA-Z0-9./+_-]+`)

// clean makes a registry's word fit to be told.
func clean(word string) string {
	return strange.ReplaceAllString(word[:min(len(word), 100)], "?")
}
