// Package adapter takes webhooks of Prometheus Alertmanager in and sends each
// alert on as a CloudEvent.
//
// A webhook is answered with 200 only when every one of its events was accepted.
// Nothing is accepted and then dropped, nothing is queued past its request:
//
//   - The sink refuses an event, or does not answer within SEND_TIMEOUT: 503.
//     Alertmanager retries at once; the ledger then knows which events got
//     through, and only the others are sent, with the same recordedtime. The
//     ledger is memory: after a restart a retry sends all events once more,
//     which their identity makes harmless.
//   - The client goes away: sends under way finish, no more are begun.
//   - More webhooks than MAX_IN_FLIGHT: 503 with Retry-After. Sends wait for a
//     free place among MAX_SENDS in the order in which they came.
//   - What Alertmanager should not repeat is a 4xx: 400 names the field that is
//     not a webhook's, 401 wants credentials, 413 and 415 refuse the body.
//   - A credentials file or a signing key that cannot be read is 503, so that
//     alerts come again. Nothing is sent unsigned where a key is configured.
//
// The package retries nothing itself.
package adapter

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
)

// Sender takes one event. It returns nil only once the event is in safe hands,
// and it must return soon after ctx ends.
type Sender interface {
	Send(ctx context.Context, e event.Event) error
}

// Adapter is the webhook's side. Make one with New; it has no goroutines of its
// own beyond those of requests under way.
type Adapter struct {
	sender    Sender
	encoder   alert.Encoder
	overrides overrides
	groups    bool

	sendTimeout    time.Duration
	sendsPerHook   int
	maxBody        int64
	webhooks       chan struct{} // a place for each webhook that is worked on
	room           room
	sends          chan struct{} // a place for each event that is being sent
	guard          *guard
	key            *watched[*alert.SigningKey] // nil: events are not signed
	ledger         *ledger
	metrics        *metrics
	metricsHandler http.Handler
	log            zerolog.Logger
}

// New makes an adapter that sends to sender or, where sender is nil, to
// cfg.Sink by HTTP; without either it answers webhooks with 503 and is not
// ready. Errors name the variable that is wrong. cfg must have been validated,
// as config.Load does.
func New(cfg config.Adapter, sender Sender, log zerolog.Logger) (*Adapter, error) {
	if sender == nil && cfg.Sink.Set() {
		s, err := NewHTTPSender(cfg)
		if err != nil {
			return nil, err
		}
		sender = s
	}
	mapping, err := alert.NewMapping(cfg.LabelAttributes, cfg.LabelAttributesOnly)
	if err != nil {
		return nil, fmt.Errorf("LABEL_ATTRIBUTES: %w", err)
	}
	over, err := parseOverrides(cfg.CEOverrides)
	if err != nil {
		return nil, fmt.Errorf("K_CE_OVERRIDES: %w", err)
	}
	guard, err := newGuard(cfg.BearerTokensFile, cfg.BasicAuthFile, log)
	if err != nil {
		return nil, err
	}
	key, err := watchSigningKey(cfg.SigningKeyFile, log)
	if err != nil {
		return nil, err
	}
	m := newMetrics()
	a := &Adapter{
		sender: sender, overrides: over, groups: cfg.GroupEvents,
		encoder:     alert.Encoder{Source: alert.Source(cfg.ClusterName), Mapping: mapping},
		sendTimeout: time.Duration(cfg.SendTimeout), sendsPerHook: cfg.SendConcurrency,
		maxBody:  int64(cfg.MaxBodyBytes),
		webhooks: make(chan struct{}, cfg.MaxInFlight), sends: make(chan struct{}, cfg.MaxSends),
		room:  newRoom(),
		guard: guard, key: key, ledger: newLedger(), metrics: m, metricsHandler: m.handler(), log: log,
	}
	m.registry.MustRegister(readiness(a.Ready))
	return a, nil
}

// Ready says why events cannot be sent on, nil when they can.
func (a *Adapter) Ready() error {
	if a.sender == nil {
		return errNoSink
	}
	if a.key != nil {
		_, err := a.key.get()
		return err
	}
	return nil
}

// Handler answers webhooks, posted to any path, and GET /metrics.
func (a *Adapter) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isMetrics := r.URL.Path == "/metrics"
		switch {
		case r.Method == http.MethodPost:
			a.webhook(w, r)
		case isMetrics && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			if err := a.guard.check(r); err != nil {
				a.guard.refuse(w, err)
				return
			}
			a.metricsHandler.ServeHTTP(w, r)
		default:
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "webhooks are taken by POST", http.StatusMethodNotAllowed)
		}
	})
}
