package adapter

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/valyala/fasthttp"

	"github.com/quench-dev/quench/adapter/alert"
)

// write makes a request of an event in binary mode, as the SDK's
// NewHTTPRequestFromEvent does at several times the cost: it goes by way of
// messages of any protocol. The data is not copied.
func write(req *fasthttp.Request, e event.Event) error {
	if e.Context == nil {
		return errors.New("an event without attributes")
	}
	c, ok := e.Context.(*event.EventContextV1)
	if !ok {
		c = e.Context.AsV1()
	}
	h := &req.Header
	h.Add("Ce-Specversion", event.CloudEventsVersionV1)
	h.Add("Ce-Id", c.ID)
	h.Add("Ce-Type", c.Type)
	h.Add("Ce-Source", sources.text(c.Source, func(u types.URIRef) string { return u.String() }))
	if c.DataContentType != nil {
		h.SetContentType(*c.DataContentType)
	}
	if c.Subject != nil {
		h.Add("Ce-Subject", *c.Subject)
	}
	if c.DataSchema != nil {
		h.Add("Ce-Dataschema", schemas.text(*c.DataSchema, func(u types.URI) string { return u.String() }))
	}
	if c.Time != nil {
		h.Add("Ce-Time", c.Time.String())
	}
	for name, v := range c.Extensions {
		text, err := types.Format(v)
		if err != nil {
			return err
		}
		h.Add(headerOf(name), text)
	}
	trace := alert.EventTrace(e) // for brokers and proxies, which look at no attribute
	if trace.Valid() {
		h.Add("Traceparent", trace.Parent())
	}
	if state := trace.State(); state != "" {
		h.Add("Tracestate", state)
	}
	req.SetBodyRaw(e.DataEncoded)
	return nil
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
