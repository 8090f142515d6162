package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/quench-dev/quench/knative/history"
)

// Put hands the archive an entry of another: as a Trigger delivers it and, where it
// waits as a dead letter, as a Broker does, so that it waits there, too. A dead letter
// that a replay has delivered since comes as an event like any other. When it was
// received, and how often, is the archive's own to say.
func (a *Archive) Put(ctx context.Context, e history.Entry) error {
	if e.Arrivals > 0 || !e.Pending() {
		if err := a.post(ctx, "", e.Event); err != nil {
			return err
		}
	}
	if !e.Pending() {
		return nil
	}
	dead := e.Event.Clone()
	for name, value := range map[string]string{
		"knativeerrordest": e.DeadLetter.Destination, "knativeerrorcode": e.DeadLetter.Code,
		"knativeerrordata": base64.StdEncoding.EncodeToString([]byte(e.DeadLetter.Reason)),
	} {
		if value != "" {
			dead.SetExtension(name, value)
		}
	}
	return a.post(ctx, "dead-letters", dead)
}

func (a *Archive) post(ctx context.Context, path string, e event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base.JoinPath(path).String(), http.NoBody)
	if err != nil {
		return err
	}
	if err := cehttp.WriteRequest(binding.WithForceBinary(ctx), binding.ToMessage(&e), r); err != nil {
		return fmt.Errorf("event %s: %w", e.ID(), err)
	}
	resp, err := a.client.Do(r)
	if err != nil {
		return fmt.Errorf("hand event %s to %s: %w", e.ID(), a.name, withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("hand over event %s: %w", e.ID(), a.refusal(resp))
	}
	_, _ = io.CopyN(io.Discard, resp.Body, errorBytes)
	return nil
}
