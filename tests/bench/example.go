package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/tests/bench/sample"
)

// exampleEvent is the event of the first alert of a webhook of 100.
func exampleEvent() (event.Event, error) {
	payload, err := alert.Decode(sample.New(100).Body)
	if err != nil {
		return event.Event{}, err
	}
	return (&alert.Encoder{Source: alert.Source("prod")}).ToEvent(payload.Alerts[0], time.Now())
}

// example is that event in binary mode.
func example(ctx context.Context) (http.Header, []byte, error) {
	e, err := exampleEvent()
	if err != nil {
		return nil, nil, err
	}
	r, err := cehttp.NewHTTPRequestFromEvent(ctx, "http://sink/", e)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return r.Header, body, err
}
