package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/quench-dev/quench/function"
)

// run runs a rule's command. What became of one that was cut off cannot be told.
type run struct {
	target
	fingerprint string   // of the alert that it is run for
	env, left   []string // variables; names of those that did not fit
	busy        bool     // it runs still, for an earlier delivery of the event
}

// forever is the time that a command has where there is no timeout.
const forever = 100 * 365 * 24 * time.Hour

func (r *run) timeout() time.Duration {
	switch {
	case r.rule.Timeout > 0:
		return r.rule.Timeout
	case r.c.o.Timeout > 0:
		return r.c.o.Timeout
	}
	return forever
}

// Plan implements function.Step. A repeat of the event while its command still runs
// is no reason to wait for it.
func (r *run) Plan() function.Plan {
	p := r.plan()
	line := r.c.o.Masker.Mask(r.rule.line())
	p.OnRepeat, p.CoolDown = r.rule.OnRepeat, r.rule.CoolDown
	p.Timeout = r.timeout() + 2*grace // in which it is ended
	p.Summary = fmt.Sprintf("run %s for %d alert(s)", line, len(r.notice.alerts))
	p.Changes = []function.Change{{Op: "run", Object: p.Target, Diff: line}}
	if r.busy {
		p.Err = function.Skip(ReasonStillRunning, "%s runs still, since this notification came before", r.rule.Name)
	}
	return p
}

// Check implements function.Checker.
func (r *run) Check(context.Context) error {
	return r.c.table.check(r.rule, r.fingerprint, r.req.RecordedTime)
}

// Apply implements function.Step.
func (r *run) Apply(ctx context.Context) (function.Result, error) {
	p := &process{rule: r.rule, fingerprint: r.fingerprint, eventID: r.req.EventID, recorded: r.req.RecordedTime}
	begun := time.Now()
	if err := r.c.table.start(p, append(os.Environ(), r.env...)); err != nil {
		return r.notStarted(err)
	}
	log := r.c.o.Log.With().Str("event_id", r.req.EventID).Str("command", r.rule.Name).Int("pid", p.cmd.Process.Pid).Logger()
	log.Info().Int("left_out", len(r.left)).Msg("command started")
	limit, end := context.WithTimeoutCause(ctx, r.timeout(), errTimeout)
	defer end()
	late := p.wait(limit) && errors.Is(context.Cause(limit), errTimeout)
	took := time.Since(begun).Round(time.Millisecond)
	output := p.output.text(r.c.o.Masker)
	log.Info().AnErr("ended", p.err).Dur("took", took).Str("output", output).Msg("command ended")
	return r.ended(p, late, took, output)
}

var errTimeout = errors.New("timeout")

// maxTold is how much of the output an outcome tells, in bytes: its end.
const maxTold = 1500

// ended says what a command's end means.
func (r *run) ended(p *process, late bool, took time.Duration, output string) (function.Result, error) {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	if len(output) > maxTold {
		output = "…" + strings.ToValidUTF8(output[len(output)-maxTold:], "")
	}
	if output != "" {
		how += "; it said: " + output
	}
	if len(r.left) > 0 {
		how += fmt.Sprintf("; %d variables did not fit into its environment, %s first", len(r.left), r.left[0])
	}
	switch {
	case p.endedByAlert():
		return function.Result{Reason: ReasonSignalled, Message: fmt.Sprintf("the alert resolved, and %s got %s; it ended after %s: %s",
			r.rule.Name, signalName(r.rule.Signal), took, how)}, nil
	case late:
		return function.Result{}, function.Fail(ReasonTimedOut, "%s took longer than %s, its timeout, and was ended: %s", r.rule.Name, r.timeout(), how)
	case p.err == nil:
		return function.Result{Reason: ReasonRan, Message: fmt.Sprintf("ran %s for %s: %s", r.rule.Name, took, how)}, nil
	}
	return r.failed(ReasonExited, fmt.Errorf("%s failed after %s: %s", r.rule.Name, took, how))
}

func (r *run) notStarted(err error) (function.Result, error) {
	if function.IsDecided(err) {
		return function.Result{}, err
	}
	return r.failed(ReasonNotStarted, errors.New(r.c.o.Masker.Mask(strings.ToValidUTF8(err.Error(), "\uFFFD"))))
}

// failed is a failure of the command's: for another delivery or, with
// notify_on_failure: false, for good.
func (r *run) failed(reason string, err error) (function.Result, error) {
	if !r.rule.Notify {
		return function.Result{}, function.Fail(reason, "%w", err)
	}
	r.c.metrics.errors.WithLabelValues(StageStart).Inc()
	return function.Result{}, function.Retry(err)
}
