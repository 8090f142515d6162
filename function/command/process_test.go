package command_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
)

func contextWithin(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// sh is an entry that runs a script of the shell's; the script is text to us.
func sh(script, more string) string {
	return fmt.Sprintf("- {cmd: /bin/sh, args: [-c, %q]%s}\n", script, more)
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
