package function

import (
	"context"
	"runtime/debug"

	"github.com/rs/zerolog"
)

// steady is an Action whose panics are failed outcomes, and a log line with the
// stack. What a step had done by then is unknown, so it is not tried again.
type steady struct {
	Action
	log zerolog.Logger
}

func (a steady) Plan(ctx context.Context, req *Request) (steps []Step, err error) {
	defer caught(a.log, req, "plan", &err)
	return a.Action.Plan(ctx, req)
}

func caught(log zerolog.Logger, req *Request, doing string, err *error) {
	p := recover()
	if p == nil {
		return
	}
	log.Error().Str("event_id", req.EventID).Str("correlation_id", req.CorrelationID).Str("alertname", req.Alert.Name()).
		Interface("panic", p).Bytes("stack", debug.Stack()).Msg("panic in " + doing)
	*err = Fail(ReasonPanic, "panic in %s: %v", doing, p)
}
