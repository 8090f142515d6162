package adapter

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config/serve"
)

var (
	errNoSink   = errors.New("K_SINK is not set")
	errOverload = errors.New("too many webhooks at once")
)

// webhook answers one POST. What went wrong before anything was sent is an
// error with its status; what was sent is a report.
func (a *Adapter) webhook(w http.ResponseWriter, r *http.Request) {
	code, rep, err := a.take(w, r)
	a.metrics.webhooks.WithLabelValues(strconv.Itoa(code)).Inc()
	switch {
	case err == nil:
		rep.log(a.log)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(rep.counts) // the client may have gone
	case code == http.StatusUnauthorized:
		a.guard.refuse(w, err)
		a.log.Info().Int("code", code).Str("reason", err.Error()).Msg("webhook refused")
	default:
		if errors.Is(err, errOverload) {
			w.Header().Set("Retry-After", "1")
		}
		http.Error(w, err.Error(), code)
		a.log.Warn().Int("code", code).Str("reason", err.Error()).Msg("webhook refused")
	}
}

// take reads a webhook and delivers it.
func (a *Adapter) take(w http.ResponseWriter, r *http.Request) (code int, rep *report, err error) {
	if err = a.guard.check(r); err != nil {
		return guardStatus(err), nil, err
	}
	select {
	case a.webhooks <- struct{}{}:
	default:
		return http.StatusServiceUnavailable, nil, errOverload
	}
	a.metrics.webhooksInFlight.Inc()
	defer func() {
		<-a.webhooks
		a.metrics.webhooksInFlight.Dec()
	}()
	if a.sender == nil {
		return http.StatusServiceUnavailable, nil, errNoSink
	}
	if r.ContentLength <= a.maxBody { // else it is refused unread
		leave, err := a.room.enter(w, r)
		if err != nil {
			return http.StatusServiceUnavailable, nil, errOverload
		}
		defer leave()
	}
	body, err := serve.Body(w, r, a.maxBody)
	if err != nil {
		return serve.Status(err), nil, err
	}
	p, err := alert.Decode(body)
	if err != nil {
		return http.StatusBadRequest, nil, err
	}
	a.metrics.count(p)
	rep = a.deliver(r.Context(), sha256.Sum256(body), p, alert.HeaderTrace(r.Header))
	if rep.counts.Failed > 0 {
		return http.StatusServiceUnavailable, rep, nil
	}
	return http.StatusOK, rep, nil
}

// deliver sends what the ledger does not know as accepted, and tells the rest.
func (a *Adapter) deliver(ctx context.Context, key [sha256.Size]byte, p *alert.Payload, trace alert.Trace) *report {
	n := len(p.Alerts)
	if n > 0 && a.groups {
		n++
	}
	d := a.ledger.take(key, n, time.Now().UTC())
	if !trace.Valid() {
		trace = d.trace
	}
	t := &turn{delivery: d, payload: p, trace: trace}
	a.send(ctx, t)
	rep := t.report()
	a.ledger.release(key, d, rep.counts.Failed == 0 && ctx.Err() == nil)
	a.metrics.events.WithLabelValues("remembered").Add(float64(rep.counts.Remembered))
	a.metrics.events.WithLabelValues("failed").Add(float64(rep.counts.Failed))
	return rep
}
