package function

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config/serve"
)

// retryAfter is in seconds: locks are mostly held for less.
const retryAfter = "2"

// maxAnswer bounds the text of an error, in bytes: Knative's dispatcher fails on one above 768 that it has to
// write into the dead letter's attributes.
const maxAnswer = 512

// refuse answers with an error, cut to what a broker can carry.
func refuse(w http.ResponseWriter, text string, status int) {
	if len(text) > maxAnswer {
		text = strings.ToValidUTF8(text[:maxAnswer-len("…")], "") + "…"
	}
	http.Error(w, text, status)
}

// Handler takes one CloudEvent by POST on any path, in binary or structured mode,
// of at most maxBody bytes. It answers 200 with the outcome event in binary mode
// or with nothing, 400 for what is not a CloudEvent, 413 for what is too large, 422
// for what a Listener refused, and 503 for what should be sent again. GET /metrics is
// the action's, where it has any.
func Handler(f *Function, maxBody int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.metrics != nil && r.Method == http.MethodGet && r.URL.Path == "/metrics" {
			f.metrics.ServeHTTP(w, r)
			return
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST a CloudEvent", http.StatusMethodNotAllowed)
			return
		}
		body, err := serve.Body(w, r, maxBody)
		if err != nil {
			refuse(w, err.Error(), serve.Status(err))
			return
		}
		e, err := parse(r, body)
		if err != nil {
			refuse(w, "want a CloudEvent in binary or structured mode: "+err.Error(), http.StatusBadRequest)
			return
		}
		reply, err := f.Handle(r.Context(), *e)
		switch {
		case errors.Is(err, errRefused):
			refuse(w, err.Error(), http.StatusUnprocessableEntity)
		case err != nil:
			w.Header().Set("Retry-After", retryAfter)
			refuse(w, err.Error(), http.StatusServiceUnavailable)
		case reply == nil:
			w.WriteHeader(http.StatusOK)
		default:
			err = cehttp.WriteResponseWriter(r.Context(), binding.ToMessage(reply), http.StatusOK, w)
			if err != nil { // the sender has gone; the record answers when it comes again
				f.o.Log.Warn().Str("event_id", e.ID()).Err(err).Msg("answer not sent")
			}
		}
	})
}

func parse(r *http.Request, body []byte) (e *event.Event, err error) {
	defer func() {
		if p := recover(); p != nil { // the SDK's decoders meet bytes from anywhere
			e, err = nil, fmt.Errorf("%v", p)
		}
	}()
	m := cehttp.NewMessage(r.Header, io.NopCloser(bytes.NewReader(body)))
	e, err = binding.ToEvent(r.Context(), m)
	if err != nil {
		return nil, err
	}
	if err := e.Validate(); err != nil {
		return nil, err
	}
	// An event that has no trace of its own is in its sender's; from there it reaches the outcome.
	if !alert.EventTrace(*e).Valid() {
		alert.HeaderTrace(r.Header).SetEvent(e)
	}
	return e, nil
}
