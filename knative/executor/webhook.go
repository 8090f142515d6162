package executor

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/lease"
)

// maxAnswer bounds the text of an error, in bytes: Alertmanager logs it.
const maxAnswer = 1024

var errTooMany = errors.New("too many webhooks wait for their commands")

// Handler answers webhooks on any path by any method, /_health, and /metrics under
// prometheus-am-executor's names.
func (x *Executor) Handler() http.Handler {
	metrics := x.o.Command.Metrics()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/_health":
			_, _ = io.WriteString(w, "ok\n")
		case "/metrics":
			metrics.ServeHTTP(w, r)
		default:
			x.webhook(w, r)
		}
	})
}

func (x *Executor) webhook(w http.ResponseWriter, r *http.Request) {
	select {
	case x.places <- struct{}{}:
		defer func() { <-x.places }()
	default:
		x.refuse(w, http.StatusServiceUnavailable, errTooMany)
		return
	}
	body, err := serve.Body(w, r, x.o.MaxBody)
	if err != nil {
		x.o.Command.Failed(command.StageRead)
		x.refuse(w, serve.Status(err), err)
		return
	}
	p, err := alert.Decode(body)
	if err == nil && len(p.Alerts) == 0 {
		err = errors.New("alerts: empty; want at least one alert")
	}
	if err != nil {
		x.o.Command.Failed(command.StageUnmarshal)
		x.refuse(w, http.StatusBadRequest, err)
		return
	}
	x.o.Log.Debug().Str("remote", r.RemoteAddr).Str("receiver", p.Group.Receiver).Int("alerts", len(p.Alerts)).Msg("webhook")
	hash := sha256.Sum256(body)
	if err := x.take(r.Context(), p, alert.HeaderTrace(r.Header), x.ledger.recorded(hash, time.Now().UTC())); err != nil {
		code := http.StatusInternalServerError
		if errors.Is(err, lease.ErrHeld) {
			code = http.StatusServiceUnavailable
		}
		x.refuse(w, code, err)
		return
	}
	if r.Context().Err() == nil { // an answer that nobody hears ends nothing: the retry comes
		x.ledger.forget(hash)
	}
}

// take hands a webhook to the function as one event, and waits until it is done or
// AckAfter is over. What has begun does not end with the sender's leaving.
func (x *Executor) take(ctx context.Context, p *alert.Payload, trace alert.Trace, recorded time.Time) error {
	e, err := x.encoder.GroupEvent(p, recorded)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	trace.SetEvent(&e)
	done := make(chan error, 1)
	ctx = context.WithoutCancel(ctx)
	x.working.Go(func() {
		_, err := x.function.Handle(ctx, e)
		done <- err
	})
	var enough <-chan time.Time
	if x.o.AckAfter > 0 {
		timer := time.NewTimer(x.o.AckAfter)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case err := <-done:
		return err
	case <-enough:
		x.o.Log.Info().Str("event_id", e.ID()).Msg("webhook answered; its commands run on")
		return nil
	}
}

func (x *Executor) refuse(w http.ResponseWriter, code int, err error) {
	text := err.Error()
	if len(text) > maxAnswer {
		text = strings.ToValidUTF8(text[:maxAnswer], "") + "…"
	}
	x.o.Log.Warn().Int("code", code).Str("reason", text).Msg("webhook not answered with 200")
	http.Error(w, text, code)
}
