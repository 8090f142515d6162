package enricher

import (
	"context"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/mask"
	"github.com/quench-dev/quench/function/podlog"
	"github.com/quench-dev/quench/function/target"
)

// Name is the function's name.
const Name = "enricher"

// Client reaches the API server.
type Client interface {
	target.Client
	podlog.Client
}

// Options are what an Enricher needs beside its client. All but Rules and
// Namespace are required.
type Options struct {
	Rules     []Rule // the first that matches suggests
	Masker    *mask.Masker
	Namespace string        // where to look for what an alert without the label namespace names; empty means the client's
	Part      time.Duration // how long a part may take
	Now       func() time.Time
}

// Enricher is the function.
type Enricher struct {
	client Client
	o      Options
}

// New makes the function.
func New(client Client, o Options) *Enricher { return &Enricher{client: client, o: o} }

// Name implements function.Listener.
func (*Enricher) Name() string { return Name }

// Listen implements function.Listener: the alert, enriched, or nothing.
func (e *Enricher) Listen(ctx context.Context, of event.Event) (*event.Event, error) {
	if of.Type() != alert.TypeFiring {
		return nil, nil
	}
	a, err := alert.FromEvent(of)
	if err != nil {
		return nil, function.Fail(function.ReasonBadEvent, "read alert: %w", err)
	}
	answer, err := enriched.ToEvent(of, a, e.enrich(ctx, a), e.o.Now())
	if err != nil {
		return nil, function.Fail(function.ReasonFailed, "%w", err)
	}
	return &answer, nil
}
