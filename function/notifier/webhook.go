package notifier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/template"

	"golang.org/x/net/http/httpguts"
)

// webhook posts the event itself, as a CloudEvent in structured mode, or what a
// template makes of it.
type webhook struct {
	url         string // where it is no secret
	urlFile     secret
	headers     []header
	body        *template.Template // nil: the event
	contentType string
	signature   secret // of the body, where there is one
	client      *http.Client
}

func newWebhook(e *entry) (*webhook, error) {
	w := &webhook{url: e.URL, urlFile: secret(e.URLFile), headers: e.Headers, contentType: e.ContentType, signature: secret(e.SignatureFile), client: newClient()}
	switch {
	case (e.URL == "") == (e.URLFile == ""):
		return nil, errors.New("url: want it, or urlFile where it is a secret, and not both")
	case e.URLFile != "":
		if err := checkURL("urlFile", w.urlFile); err != nil {
			return nil, err
		}
	default:
		if u, err := url.Parse(e.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return nil, errors.New("url: want an absolute http or https URL, without a password (urlFile is for those)")
		}
	}
	if e.SignatureFile != "" {
		if _, err := w.signature.read(); err != nil {
			return nil, fmt.Errorf("signatureFile: %w", err)
		}
	}
	if err := w.checkHeaders(); err != nil {
		return nil, err
	}
	if e.Body == "" {
		if e.ContentType != "" {
			return nil, errors.New("contentType: only with body; without one it is application/cloudevents+json")
		}
		w.contentType = "application/cloudevents+json"
		return w, nil
	}
	d := plainText
	if w.contentType == "" || w.contentType == "application/json" {
		w.contentType, d = "application/json", jsonText
	}
	var err error
	if w.body, err = template.New("body").Option(missing).Funcs(d.funcs()).Parse(e.Body); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	escapeAll(w.body.Root)
	for _, kind := range kinds {
		if _, err := w.render(&message{notice: sample(kind), title: "title", text: "text"}); err != nil {
			return nil, fmt.Errorf("body: of kind %s: %w", kind, err)
		}
	}
	return w, nil
}

func (w *webhook) checkHeaders() error {
	for i, h := range w.headers {
		where := fmt.Sprintf("headers[%d]", i)
		switch {
		case !httpguts.ValidHeaderFieldName(h.Name):
			return fmt.Errorf("%s.name: got %.60q, want a header's name such as Authorization", where, h.Name)
		case (h.Value == "") == (h.ValueFile == ""):
			return fmt.Errorf("%s.value: want it, or valueFile where it is a secret, and not both", where)
		}
		if _, err := h.read(); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
	}
	return nil
}

func (h header) read() (string, error) {
	value := h.Value
	if h.ValueFile != "" {
		var err error
		if value, err = secret(h.ValueFile).read(); err != nil {
			return "", fmt.Errorf("valueFile: %w", err)
		}
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		return "", errors.New("value: want one line of text")
	}
	return value, nil
}

func (w *webhook) dialect() dialect { return plainText }

// rendered is what a body's template is given.
type rendered struct {
	*Notice
	Title, Text string
}

func (w *webhook) render(m *message) ([]byte, error) {
	if w.body == nil {
		return json.Marshal(m.notice.event)
	}
	var b limited
	if err := w.body.Execute(&b, rendered{m.notice, m.title, m.text}); err != nil {
		return nil, err
	}
	body := []byte(b.String())
	if w.contentType == "application/json" && !json.Valid(bytes.TrimSpace(body)) {
		return nil, errors.New("what the template writes is no JSON")
	}
	return body, nil
}

func (w *webhook) send(ctx context.Context, m *message) (thread, *failure) {
	to, h := w.url, http.Header{}
	for _, one := range w.headers {
		value, err := one.read()
		if err != nil {
			return thread{}, &failure{err: err}
		}
		h.Set(one.Name, value)
	}
	if w.urlFile != "" {
		var err error
		if to, err = w.urlFile.read(); err != nil {
			return thread{}, &failure{err: err}
		}
	}
	body, err := w.render(m)
	if err != nil {
		return thread{}, &failure{err: fmt.Errorf("body: %w", err), reason: ReasonTemplate}
	}
	h.Set("Content-Type", w.contentType)
	h.Set("User-Agent", "quench")
	h.Set("Idempotency-Key", m.notice.EventID) // the same where it is sent again
	if w.signature != "" {
		key, err := w.signature.read()
		if err != nil {
			return thread{}, &failure{err: err}
		}
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(body)
		h.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	return thread{}, post(ctx, w.client, to, h, body)
}
