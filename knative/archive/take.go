package archive

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config/serve"
	"github.com/quench-dev/quench/knative/archive/store"
	"github.com/quench-dev/quench/knative/deadletter"
	"github.com/quench-dev/quench/knative/history"
)

// ahead is how far another clock may be before ours: a replay of a later time is
// none.
const ahead = time.Hour

// errBusy answers what would be too much at once.
var errBusy = errors.New("too much at once: send it again")

// take keeps one event and answers once it is on disk.
func (a *Archive) take(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	size := r.ContentLength
	if size < 0 || size > int64(a.c.MaxBodyBytes) {
		size = int64(a.c.MaxBodyBytes)
	}
	if !a.room.TryAcquire(size) {
		w.Header().Set("Retry-After", "1")
		a.refuse(w, r, http.StatusServiceUnavailable, errBusy)
		return
	}
	defer a.room.Release(size)
	body, err := serve.Body(w, r, int64(a.c.MaxBodyBytes))
	if err != nil {
		a.refuse(w, r, serve.Status(err), err)
		return
	}
	e, err := deadletter.Parse(r, body)
	if err != nil {
		a.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	arrival := arrivalOf(e, r.URL.Path == "/dead-letters", began)
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(a.c.WriteTimeout))
	defer cancel()
	kept, err := a.store.Write(ctx, arrival)
	if err != nil {
		code := http.StatusServiceUnavailable
		if errors.Is(err, store.ErrBadEvent) {
			code = http.StatusBadRequest
		}
		a.refuse(w, r, code, err)
		return
	}
	a.metrics.kept(arrival, kept, time.Since(began))
	if d := arrival.DeadLetter; d != nil {
		a.log.Warn().Str("event_id", e.ID()).Str("correlation_id", history.Attribute(e, alert.AttrCorrelationID)).Str("alertname", history.Attribute(e, "alertname")).
			Str("type", e.Type()).Str("destination", d.Destination).Str("code", d.Code).Str("reason", d.Reason).Int64("seq", kept.Seq).Msg("dead letter")
	}
	w.WriteHeader(http.StatusNoContent)
}

// arrivalOf takes apart what the event was and what brokers have added. A dead
// letter of the archive's own Trigger, which goes to / once more, is a delivery as
// any other: somebody else has acted on the event.
func arrivalOf(e *event.Event, dead bool, now time.Time) store.Arrival {
	arrival := store.Arrival{}
	if dead {
		l := deadletter.ReadLetter(e)
		arrival.DeadLetter = &history.DeadLetter{Destination: l.Destination, Code: l.Code, Reason: l.Reason}
	}
	if v, ok := e.Extensions()[alert.AttrReplayedTime]; ok {
		if t, err := types.ToTime(v); err == nil && t.Before(now.Add(ahead)) {
			arrival.Replayed = t
		}
	}
	deadletter.Strip(e)
	arrival.Event = *e
	return arrival
}

// refuse logs and answers what is not kept. An id is known where it came in binary
// mode.
func (a *Archive) refuse(w http.ResponseWriter, r *http.Request, code int, err error) {
	a.log.Warn().Int("code", code).Str("path", r.URL.Path).Str("event_id", r.Header.Get("Ce-Id")).Str("reason", err.Error()).Msg("event not kept")
	answerError(w, code, err)
}
