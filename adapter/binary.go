package adapter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// request is an event in binary mode, as the SDK's NewHTTPRequestFromEvent makes it
// at several times the cost: it goes by way of messages of any protocol.
func (s *HTTPSender) request(ctx context.Context, e event.Event) (*http.Request, error) {
	if e.Context == nil {
		return nil, errors.New("an event without attributes")
	}
	c, ok := e.Context.(*event.EventContextV1)
	if !ok {
		c = e.Context.AsV1()
	}
	header := make(http.Header, len(c.Extensions)+10)
	values := make([]string, 0, len(c.Extensions)+10) // one allocation for all headers' values
	set := func(name, value string) {
		values = append(values, value)
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	set("Ce-Specversion", event.CloudEventsVersionV1)
	set("Ce-Id", c.ID)
	set("Ce-Type", c.Type)
	set("Ce-Source", sources.text(c.Source, func(u types.URIRef) string { return u.String() }))
	if c.DataContentType != nil {
		set("Content-Type", *c.DataContentType)
	}
	if c.Subject != nil {
		set("Ce-Subject", *c.Subject)
	}
	if c.DataSchema != nil {
		set("Ce-Dataschema", schemas.text(*c.DataSchema, func(u types.URI) string { return u.String() }))
	}
	if c.Time != nil {
		set("Ce-Time", c.Time.String())
	}
	for name, v := range c.Extensions {
		text, err := types.Format(v)
		if err != nil {
			return nil, err
		}
		set(headerOf(name), text)
	}
	r := noRequest.WithContext(ctx)
	r.Method, r.URL, r.Host, r.Header = http.MethodPost, s.url, s.url.Host, header
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.ContentLength = int64(len(e.DataEncoded))
	r.Body, r.GetBody = newBody(e.DataEncoded), func() (io.ReadCloser, error) { return newBody(e.DataEncoded), nil }
	return r, nil
}

var noRequest http.Request

// newBody is one that net/http knows to be in memory: then it sends it in one go with the header.
func newBody(data []byte) io.ReadCloser {
	if len(data) == 0 {
		return http.NoBody
	}
	return io.NopCloser(bytes.NewReader(data))
}

// remembered is the text of what the last event had, and the next one has, too.
type remembered[T comparable] struct {
	last atomic.Pointer[struct {
		of   T
		text string
	}]
}

func (m *remembered[T]) text(of T, format func(T) string) string {
	if last := m.last.Load(); last != nil && last.of == of {
		return last.text
	}
	text := format(of)
	m.last.Store(&struct {
		of   T
		text string
	}{of, text})
	return text
}

var (
	sources remembered[types.URIRef]
	schemas remembered[types.URI]
)

// headerNames are the names of attributes' headers. Labels name them, so that there are few.
var headerNames = struct {
	sync.RWMutex
	of map[string]string
}{of: map[string]string{}}

const maxHeaderNames = 4096

func headerOf(attribute string) string {
	headerNames.RLock()
	name, known := headerNames.of[attribute]
	headerNames.RUnlock()
	if known {
		return name
	}
	name = http.CanonicalHeaderKey("Ce-" + attribute)
	headerNames.Lock()
	if len(headerNames.of) < maxHeaderNames {
		headerNames.of[attribute] = name
	}
	headerNames.Unlock()
	return name
}
