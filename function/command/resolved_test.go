package command_test

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
)

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
