package command_test

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/mask"
)

// A command past its timeout gets SIGTERM and, where it ignores that, SIGKILL; it
// is not run again.
func TestTimeout(t *testing.T) {
	w := newWorld(t, sh("trap 'echo asked' TERM; echo $$ >> $DIR/pids; while :; do sleep 0.1; done", ", timeout: 2s"), command.Options{})
	e := w.group(member{name: "a"})
	o := w.handle(e)
	o.Want(t, function.Failed, command.ReasonTimedOut)
	if !strings.Contains(o.Message, "longer than 2s") || !strings.Contains(o.Message, "asked") || !strings.Contains(o.Message, "killed") {
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
