package command_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/mask"
)

func contextWithin(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// sh is an entry that runs a script of the shell's; the script is text to us.
func sh(script, more string) string {
	return fmt.Sprintf("- {cmd: /bin/sh, args: [-c, %q]%s}\n", script, more)
}

func alive(t *testing.T, pid string) bool {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if state, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil && strings.Contains(string(state), ") Z ") {
		return false // ended, and nobody asks how: its parent is gone
	}
	return syscall.Kill(n, 0) == nil
}

func TestSucceeds(t *testing.T) {
	w := newWorld(t, sh("echo ran for $AMX_ALERT_1_FINGERPRINT; echo x >> $DIR/ran", ", name: say"), command.Options{})
	e := w.group(member{name: "a"})
	o := w.handle(e)
	o.Want(t, function.Succeeded, command.ReasonRan)
	if o.Target != "commands/say" || !strings.Contains(o.Message, "exit status 0; it said: ran for f-a") {
		t.Errorf("told as %s: %s", o.Target, o.Message)
	}
	if again := w.handle(e); again.ID != o.ID || len(w.lines("ran")) != 1 {
		t.Errorf("a redelivery is %s, and it ran %d times", again.Raw, len(w.lines("ran")))
	}
	if n := w.metric("am_executor_process_duration_seconds_count"); n != "1" {
		t.Errorf("%s processes were measured", n)
	}
}

// A repeat runs the command again once its cool-down is over, as the users of
// prometheus-am-executor rely on; with onRepeat: skip it does not.
func TestRepeats(t *testing.T) {
	w := newWorld(t, sh("echo x >> $DIR/act", "")+sh("echo x >> $DIR/skip", ", onRepeat: skip"), command.Options{})
	for i, after := range []time.Duration{0, 30 * time.Second, 31 * time.Second} {
		w.clock.Advance(after)
		w.handle(w.group(member{name: "a"}))
		if act, skip := len(w.lines("act")), len(w.lines("skip")); act != 1+i/2 || skip != 1 {
			t.Errorf("after notification %d it ran %d times, with skip %d times", i, act, skip)
		}
	}
}

// A repeat that comes while the command runs does not wait for its end.
func TestRepeatOfWhatRuns(t *testing.T) {
	w := newWorld(t, sh("echo x >> $DIR/began; while [ ! -e $DIR/end ]; do sleep 0.05; done", ""), command.Options{})
	first := w.begin(w.group(member{name: "a"}))
	w.wait("began", 1)
	w.clock.Advance(time.Hour)
	w.handle(w.group(member{name: "a"})).Want(t, function.Skipped, command.ReasonStillRunning)
	w.touch("end")
	(<-first).Want(t, function.Succeeded, command.ReasonRan)
}

func (w *world) touch(file string) {
	w.t.Helper()
	if err := os.WriteFile(w.dir+"/"+file, nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// A command that fails is run again when the event comes again, and the one beside
// it that succeeded is not.
func TestFailureDoesNotRunItsNeighbourAgain(t *testing.T) {
	w := newWorld(t, sh("echo x >> $DIR/good", "")+sh("echo x >> $DIR/bad; echo no luck; exit $((3 - $(wc -l < $DIR/bad)))", ""), command.Options{})
	e := w.group(member{name: "a"})
	for n := 1; n <= 2; n++ {
		reply, err := w.Handle(t.Context(), e)
		if reply != nil || err == nil || !strings.Contains(err.Error(), "no luck") {
			t.Fatalf("answered %v, %v", reply, err)
		}
	}
	w.handle(e).Want(t, function.Succeeded, command.ReasonRan)
	if good, bad := len(w.lines("good")), len(w.lines("bad")); good != 1 || bad != 3 {
		t.Errorf("the good one ran %d times, the bad one %d", good, bad)
	}
	if n := w.metric(`am_executor_errors_total{stage="start"}`); n != "2" {
		t.Errorf("%s errors were counted", n)
	}
}

func TestNotifyOnFailureFalse(t *testing.T) {
	w := newWorld(t, sh("echo x >> $DIR/ran; exit 7", ", notify_on_failure: false")+"- {cmd: /no/such/program, notify_on_failure: false}\n", command.Options{})
	e := w.group(member{name: "a"})
	for range 2 {
		o := w.handle(e)
		if o.Outcome != function.Failed || o.Actions[0].Reason != command.ReasonExited || !strings.Contains(o.Actions[0].Message, "exit status 7") ||
			o.Actions[1].Reason != command.ReasonNotStarted || !strings.Contains(o.Actions[1].Message, "/no/such/program") {
			t.Errorf("%s", o.Raw)
		}
	}
	if n := len(w.lines("ran")); n != 1 {
		t.Errorf("it ran %d times", n)
	}
	w.restart("- {cmd: /no/such/program}\n", command.Options{})
	if reply, err := w.Handle(t.Context(), w.group(member{name: "b"})); reply != nil || err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("answered %v, %v", reply, err)
	}
}

// The signal for the alert's end goes to all that the command has started.
func TestResolvedSignalsTheWholeGroup(t *testing.T) {
	for name, test := range map[string]struct{ more, says string }{
		"default": {"", "SIGKILL"},
		"named":   {", resolved_signal: usr1", "SIGUSR1"},
		"number":  {", resolved_signal: 15", "SIGTERM"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sh("sh -c 'echo $$ >> $DIR/pids; while :; do sleep 0.1; done' & echo $$ >> $DIR/pids; sh -c 'echo $$ >> $DIR/pids; exec sleep 600'", test.more), command.Options{})
			first := w.begin(w.group(member{name: "a"}))
			w.wait("pids", 3)
			resolved := w.group(member{name: "a", resolved: true})
			o := w.handle(resolved)
			o.Want(t, function.Succeeded, command.ReasonSignalled)
			told := <-first
			told.Want(t, function.Succeeded, command.ReasonSignalled)
			if !strings.Contains(o.Message, test.says) || !strings.Contains(told.Message, test.says) {
				t.Errorf("told as %q and %q", o.Message, told.Message)
			}
			for _, pid := range w.lines("pids") {
				w.until("end of process "+pid, func() bool { return !alive(t, pid) })
			}
			if n := w.metric(`am_executor_signalled_total{result="ok"}`); n != "1" {
				t.Errorf("%s signals were counted", n)
			}
			if again := w.handle(resolved); again.ID != o.ID {
				t.Errorf("a redelivery is %s", again.Raw)
			}
		})
	}
}

func TestIgnoreResolved(t *testing.T) {
	w := newWorld(t, sh("echo x >> $DIR/began; while [ ! -e $DIR/end ]; do sleep 0.05; done", ", ignore_resolved: true"), command.Options{})
	first := w.begin(w.group(member{name: "a"}))
	w.wait("began", 1)
	w.handle(w.group(member{name: "a", resolved: true})).Want(t, function.Skipped, function.ReasonResolved)
	w.touch("end")
	(<-first).Want(t, function.Succeeded, command.ReasonRan)
}

// In a group that goes on firing, what runs for the alert that resolved gets its
// signal, and the command is run for the others.
func TestMemberResolvesInMixedGroup(t *testing.T) {
	w := newWorld(t, sh("echo $AMX_ALERT_LEN >> $DIR/began; exec sleep 600", ""), command.Options{})
	first := w.begin(w.group(member{name: "a"}))
	w.wait("began", 1)
	second := w.begin(w.group(member{name: "a", resolved: true}, member{name: "b"}))
	(<-first).Want(t, function.Succeeded, command.ReasonSignalled)
	w.wait("began", 2)
	w.handle(w.group(member{name: "b", resolved: true})).Want(t, function.Succeeded, command.ReasonSignalled)
	o := <-second
	o.Want(t, function.Succeeded, command.ReasonSignalled)
	if len(o.Actions) != 2 {
		t.Errorf("%s", o.Raw)
	}
}

// A firing event that is delivered after the alert's end was told does nothing,
// whether this process was told or one before it.
func TestResolvedBeforeItHasStarted(t *testing.T) {
	rules := sh("echo x >> $DIR/ran", "")
	w := newWorld(t, rules, command.Options{})
	late := w.group(member{name: "a"})
	w.clock.Advance(time.Second)
	w.handle(w.group(member{name: "a", resolved: true})).Want(t, function.Skipped, command.ReasonNothingRuns)
	w.handle(late).Want(t, function.Skipped, function.ReasonAlertResolved)
	w.restart(rules, command.Options{})
	w.handle(late).Want(t, function.Skipped, function.ReasonAlertResolved)
	if n := len(w.lines("ran")); n != 0 {
		t.Errorf("it ran %d times", n)
	}
	w.clock.Advance(time.Second)
	w.handle(w.group(member{name: "a"})).Want(t, function.Succeeded, command.ReasonRan) // it fires again
}

// A command past its timeout gets SIGTERM and, where it ignores that, SIGKILL; it
// is not run again.
func TestTimeout(t *testing.T) {
	w := newWorld(t, sh("trap 'echo asked' TERM; echo $$ >> $DIR/pids; while :; do sleep 0.1; done", ", timeout: 300ms"), command.Options{})
	e := w.group(member{name: "a"})
	o := w.handle(e)
	o.Want(t, function.Failed, command.ReasonTimedOut)
	if !strings.Contains(o.Message, "300ms") || !strings.Contains(o.Message, "asked") || !strings.Contains(o.Message, "killed") {
		t.Errorf("told as %q", o.Message)
	}
	w.handle(e).Want(t, function.Failed, command.ReasonTimedOut)
	if pids := w.lines("pids"); len(pids) != 1 || alive(t, pids[0]) {
		t.Errorf("processes %v", pids)
	}
}

// max counts for each alert and each command, whatever comes at once.
func TestMax(t *testing.T) {
	w := newWorld(t, sh("echo x >> $DIR/limited; while [ ! -e $DIR/end ]; do sleep 0.05; done", ", max: 2, notify_on_failure: false"), command.Options{})
	outcomes := make(chan function.Outcome, 20)
	for i := range 20 {
		// Other alerts beside it make another notification; the first is what is counted by.
		e := w.group(member{name: "a"}, member{name: "x" + strconv.Itoa(i)})
		go func() {
			reply, err := w.Handle(t.Context(), e)
			if err != nil {
				t.Errorf("handle: %v", err)
			}
			outcomes <- function.Outcome(strings.TrimPrefix(reply.Type(), function.TypePrefix))
		}()
	}
	for i := range 18 {
		if o := <-outcomes; o != function.Skipped {
			t.Errorf("outcome %d is %s", i, o)
		}
	}
	if n := w.metric("am_executor_processes_current"); n != "2" {
		t.Errorf("%s processes run", n)
	}
	if n := w.metric(`am_executor_skipped_total{reason="fingerover"}`); n != "18" {
		t.Errorf("%s were counted as skipped", n)
	}
	other := w.begin(w.group(member{name: "b"})) // another alert
	w.wait("limited", 3)
	w.touch("end")
	(<-other).Want(t, function.Succeeded, command.ReasonRan)
	for range 2 {
		if o := <-outcomes; o != function.Succeeded {
			t.Errorf("outcome is %s", o)
		}
	}
}

// Two entries that differ in nothing but max both count.
func TestEntriesThatDiffer(t *testing.T) {
	w := newWorld(t, sh("echo x >> $DIR/ran", ", max: 1")+sh("echo x >> $DIR/ran", ", max: 2")+sh("echo x >> $DIR/ran", ", max: 2"), command.Options{})
	if o := w.handle(w.group(member{name: "a"})); len(o.Actions) != 2 || len(w.lines("ran")) != 2 {
		t.Errorf("%d ran: %s", len(w.lines("ran")), o.Raw)
	}
}

// An alert without a fingerprint is limited and signalled as any other.
func TestNoFingerprint(t *testing.T) {
	w := newWorld(t, sh("echo x >> $DIR/began; exec sleep 600", ", max: 1"), command.Options{})
	payload := func(status, more string) []byte {
		return []byte(fmt.Sprintf(`{"status":%q,"receiver":"r","groupKey":"g","commonLabels":{},"alerts":[{"status":%q,"labels":{"alertname":"A"},"startsAt":"2016-04-07T16:08:52Z"}%s]}`, status, status, more))
	}
	first := w.begin(w.payload(payload("firing", "")))
	w.wait("began", 1)
	w.handle(w.payload(payload("firing", `,{"status":"firing","labels":{"alertname":"B"},"startsAt":"2016-04-07T16:08:52Z"}`))).Want(t, function.Skipped, command.ReasonMax)
	w.handle(w.payload(payload("resolved", ""))).Want(t, function.Succeeded, command.ReasonSignalled)
	(<-first).Want(t, function.Succeeded, command.ReasonSignalled)
}

// Whatever the order of starts, ends and resolves: nothing panics, nothing is left
// running, and no command outlives its alert.
func TestStartsAndResolvesAtOnce(t *testing.T) {
	w := newWorld(t, sh("exec sleep 600", ", max: 1")+sh("exit 0", ""), command.Options{})
	var all sync.WaitGroup
	for i := range 200 {
		name := strconv.Itoa(i % 50)
		start, over := w.group(member{name: name, started: i}), w.group(member{name: name, resolved: true, started: i})
		all.Go(func() {
			if _, err := w.Handle(t.Context(), start); err != nil {
				t.Errorf("start: %v", err)
			}
		})
		all.Go(func() {
			if _, err := w.Handle(t.Context(), over); err != nil && !strings.Contains(err.Error(), "it is there already") && !strings.Contains(err.Error(), "somebody has changed it") {
				t.Errorf("resolve: %v", err)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	// Those that had already been recorded later than the end they were raced by.
	for i := 0; ; i++ {
		select {
		case <-done:
			if n := w.metric("am_executor_processes_current"); n != "0" {
				t.Errorf("%s processes run", n)
			}
			return
		case <-time.After(100 * time.Millisecond):
			var every []member
			for n := range 50 {
				every = append(every, member{name: strconv.Itoa(n), resolved: true, started: 1000 + i})
			}
			_, _ = w.Handle(t.Context(), w.group(every...))
		}
	}
}

// Told to end, it tells its commands, waits for them, starts none, and kills what
// stays.
func TestDrain(t *testing.T) {
	w := newWorld(t, sh("trap 'echo bye >> $DIR/bye; exit 0' TERM; echo x >> $DIR/began; while :; do sleep 0.05; done", "")+
		sh("trap '' TERM; echo $$ >> $DIR/pids; echo x >> $DIR/began; while :; do sleep 0.05; done", ", notify_on_failure: false"), command.Options{})
	first := w.begin(w.group(member{name: "a"}))
	w.wait("began", 2)
	w.Drain()
	w.wait("bye", 1)
	if _, err := w.Handle(t.Context(), w.group(member{name: "b"})); err == nil || !strings.Contains(err.Error(), "about to end") {
		t.Errorf("while it ends: %v", err)
	}
	ctx, cancel := contextWithin(time.Second)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	o := <-first
	o.Want(t, function.Failed, command.ReasonExited)
	if o.Actions[0].Outcome != function.Succeeded || alive(t, w.lines("pids")[0]) {
		t.Errorf("%s", o.Raw)
	}
}

// The output is kept up to its last 8 KiB, masked, and told up to its last 1500 bytes.
func TestOutput(t *testing.T) {
	masker, err := mask.New(true)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, sh("i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo password=geheim123 >&2; echo last", ""), command.Options{Masker: masker})
	o := w.handle(w.group(member{name: "a"}))
	o.Want(t, function.Succeeded, command.ReasonRan)
	if len(o.Message) > 2000 || !strings.HasSuffix(o.Message, "last") || strings.Contains(o.Message, "geheim123") || !strings.Contains(o.Message, "line 1999\n") {
		t.Errorf("told as %q", o.Message)
	}
}

// What a command leaves in the background holds nothing up, and lives on.
func TestLeavesSomethingBehind(t *testing.T) {
	w := newWorld(t, sh("sleep 600 >/dev/null 2>&1 & echo $! >> $DIR/pids", "")+sh("sleep 600 & echo $! >> $DIR/held", ""), command.Options{})
	w.handle(w.group(member{name: "a"})).Want(t, function.Succeeded, command.ReasonRan)
	for _, file := range []string{"pids", "held"} {
		pid := w.lines(file)[0]
		if !alive(t, pid) {
			t.Errorf("%s: it has ended", file)
		}
		n, _ := strconv.Atoi(pid)
		_ = syscall.Kill(n, syscall.SIGKILL)
	}
}
