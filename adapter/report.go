package adapter

import (
	"slices"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
)

// reported is how many events a log line names of each outcome.
const reported = 20

// counts is the answer's body.
type counts struct {
	Events     int `json:"events"`
	Delivered  int `json:"delivered"`  // accepted by the sink, now
	Remembered int `json:"remembered"` // accepted when this body came before
	Failed     int `json:"failed"`     // not accepted
}

// report is what came of one webhook. The lists are cut for the log.
type report struct {
	counts            counts
	trace             alert.Trace
	delivered, failed []line
}

// line is one event in a log line. Reason is empty where it was delivered.
type line struct{ id, correlation, name, reason string }

// report tells what a finished turn did.
func (t *turn) report() *report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &report{counts: counts{Events: len(t.marks), Delivered: len(t.delivered)}, trace: t.trace}
	missing := make([]int, 0, reported)
	for i, m := range t.marks {
		if m == accepted {
			continue
		}
		r.counts.Failed++
		if len(missing) < reported {
			missing = append(missing, i)
		}
	}
	r.counts.Remembered = max(0, r.counts.Events-r.counts.Failed-r.counts.Delivered)
	if r.counts.Failed == 0 && r.counts.Remembered == 0 {
		return r // told at debug, by its counts
	}
	for _, i := range missing {
		r.failed = append(r.failed, t.line(i, t.reason(i)))
	}
	slices.Sort(t.delivered)
	for _, i := range t.delivered[:min(len(t.delivered), reported)] {
		r.delivered = append(r.delivered, t.line(i, ""))
	}
	return r
}

func (t *turn) reason(i int) string {
	for _, f := range t.failed {
		if f.index == i {
			return f.err.Error()
		}
	}
	return "not begun: the sender went away"
}

// line names an event; the group's, which comes last, has the receiver's name.
func (t *turn) line(i int, reason string) line {
	if i == len(t.payload.Alerts) {
		return line{name: "group " + t.payload.Group.GroupKey, reason: reason}
	}
	a := t.payload.Alerts[i]
	return line{a.ID(), a.CorrelationID(), a.Name(), reason}
}

// log says what happened in one line: nothing above debug where all is well.
func (r *report) log(log zerolog.Logger) {
	var e *zerolog.Event
	outcome := "delivered"
	switch {
	case r.counts.Failed > 0:
		outcome = "failed"
		e = log.Warn().Str("reason", r.failed[0].reason)
	case r.counts.Remembered > 0:
		e = log.Info()
	default:
		e = log.Debug()
	}
	e.Str("outcome", outcome).Str("trace_id", r.trace.ID()).Int("events", r.counts.Events).Int("delivered_events", r.counts.Delivered).
		Int("remembered_events", r.counts.Remembered).Int("failed_events", r.counts.Failed)
	lines(e, "delivered", r.delivered)
	lines(e, "failed", r.failed)
	e.Msg("webhook")
}

func lines(e *zerolog.Event, key string, ls []line) {
	if e == nil || len(ls) == 0 {
		return
	}
	arr := zerolog.Arr()
	for _, l := range ls {
		arr.Object(l)
	}
	e.Array(key, arr)
}

// MarshalZerologObject implements zerolog.LogObjectMarshaler.
func (l line) MarshalZerologObject(e *zerolog.Event) {
	e.Str("alertname", l.name)
	if l.id != "" {
		e.Str("event_id", l.id).Str("correlation_id", l.correlation)
	}
	if l.reason != "" {
		e.Str("reason", l.reason)
	}
}
