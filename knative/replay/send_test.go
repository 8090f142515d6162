package replay_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"golang.org/x/time/rate"

	"github.com/quench-dev/quench/knative/replay"
)

type final struct{ error }

func (final) Final() bool { return true }

func TestRunSendsEachOnce(t *testing.T) {
	events := []event.Event{firing(t, 1), firing(t, 2), firing(t, 3)}
	events[1].DataEncoded = append([]byte("\n "), events[1].DataEncoded...) // which JSON Lines would change
	j, path := planned(t, events...)
	s := &sink{}
	var told []int
	err := (&replay.Sending{To: s, Rate: rate.Inf, Told: func(done, _ int) { told = append(told, done) }}).Run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if s.got[i].ID() != e.ID() || !bytes.Equal(s.got[i].Data(), e.Data()) {
			t.Errorf("%d: got %s with %q, want %s with %q", i, s.got[i].ID(), s.got[i].Data(), e.ID(), e.Data())
		}
	}
	if len(s.got) != 3 || !slices.Equal(told, []int{1, 2, 3}) {
		t.Errorf("sent %d, told %v", len(s.got), told)
	}
	j.Close()
	again := open(t, path)
	if !again.Planned() || again.Done() != 3 || again.Len() != 3 || again.LeftOut.Outcomes != 3 || again.Header.To != "there" {
		t.Errorf("the cursor file says %+v", again)
	}
	if err := (&replay.Sending{To: s, Rate: rate.Inf}).Run(t.Context(), again); err != nil || len(s.got) != 3 {
		t.Errorf("run again: %v, sent %d", err, len(s.got))
	}
}

// What says that an alert is over goes ahead of what says that it fires.
func TestRunSendsTheEndFirst(t *testing.T) {
	events := []event.Event{firing(t, 1), firing(t, 2), firing(t, 3), resolved(t, 1), resolved(t, 3), resolved(t, 9)}
	j, path := planned(t, events...)
	want := []string{events[3].ID(), events[0].ID(), events[1].ID(), events[4].ID(), events[2].ID(), events[5].ID()}
	s := &sink{answer: func(n int, _ event.Event) error {
		if n == 4 {
			return errors.New("away")
		}
		return nil
	}}
	sending := &replay.Sending{To: s, Rate: rate.Inf}
	sending.SetWaits()
	if err := sending.Run(t.Context(), j); err == nil {
		t.Fatal("no error")
	}
	j.Close()
	if err := sending.Run(t.Context(), open(t, path)); err != nil {
		t.Fatal(err)
	}
	if got := slices.Delete(s.ids(), 3, 4); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestRunOfRefusals(t *testing.T) {
	j, path := planned(t, firing(t, 1), firing(t, 2), firing(t, 3))
	s := &sink{answer: func(n int, _ event.Event) error {
		switch n {
		case 1, 2:
			return errors.New("may pass")
		case 4:
			return final{errors.New("never")}
		}
		return nil
	}}
	retried := 0
	sending := &replay.Sending{To: s, Rate: rate.Inf, Retrying: func(event.Event, error, time.Duration) { retried++ }}
	sending.SetWaits(time.Millisecond, time.Millisecond)
	if err := sending.Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	j.Close()
	for _, j := range []*replay.Journal{j, open(t, path)} {
		if r := j.Refused(); retried != 2 || len(r) != 1 || r[0].ID != firing(t, 2).ID() || r[0].Why != "never" {
			t.Errorf("retried %d times, refused %+v", retried, r)
		}
	}
}

// Nobody takes events: the replay ends, and goes on with the same event when it is run again.
func TestRunWhereNobodyAnswers(t *testing.T) {
	j, path := planned(t, firing(t, 1), firing(t, 2))
	s := &sink{answer: func(n int, _ event.Event) error {
		if n > 1 {
			return errors.New("no route")
		}
		return nil
	}}
	sending := &replay.Sending{To: s, Rate: rate.Inf}
	sending.SetWaits(time.Millisecond)
	if err := sending.Run(t.Context(), j); err == nil || !strings.Contains(err.Error(), "not taken in 2 tries: no route") {
		t.Fatalf("got %v", err)
	}
	j.Close()
	s.answer = nil
	j = open(t, path)
	if j.Done() != 1 || !j.Doubt() {
		t.Errorf("%d done, in doubt %v", j.Done(), j.Doubt())
	}
	if err := sending.Run(t.Context(), j); err != nil || s.got[len(s.got)-1].ID() != firing(t, 2).ID() {
		t.Errorf("%v, sent %q", err, s.ids())
	}
}

// An interrupt ends the replay after the event that is under way, which is noted as sent.
func TestRunIsInterrupted(t *testing.T) {
	j, path := planned(t, firing(t, 1), firing(t, 2), firing(t, 3))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("Ctrl-C")
	s := &sink{answer: func(n int, _ event.Event) error {
		if n == 2 {
			cancel(why)
		}
		return nil
	}}
	if err := (&replay.Sending{To: s, Rate: rate.Inf}).Run(ctx, j); !errors.Is(err, why) {
		t.Fatalf("got %v", err)
	}
	j.Close()
	j = open(t, path)
	if j.Done() != 2 || j.Doubt() {
		t.Errorf("%d done, in doubt %v", j.Done(), j.Doubt())
	}
	if err := (&replay.Sending{To: s, Rate: rate.Inf}).Run(t.Context(), j); err != nil || len(s.got) != 3 {
		t.Errorf("%v, sent %d", err, len(s.got))
	}
}

func TestRunKeepsTheRate(t *testing.T) {
	j, _ := planned(t, firing(t, 1), firing(t, 2), firing(t, 3), firing(t, 4))
	began := time.Now()
	if err := (&replay.Sending{To: &sink{}, Rate: 20}).Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("4 events at 20 a second took %s", took)
	}
}

// A cursor file that is cut off anywhere is gone on with, and tells of no event that was not sent.
func TestOpenWhatWasCutOff(t *testing.T) {
	j, path := planned(t, firing(t, 1), firing(t, 2))
	if err := (&replay.Sending{To: &sink{}, Rate: rate.Inf}).Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	j.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for size := range len(whole) + 1 {
		if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := replay.Open(path)
		if err != nil {
			t.Fatalf("cut off at %d of %d: %v", size, len(whole), err)
		}
		switch {
		case j.Planned() && j.Len() != 2, !j.Planned() && j.Len()+j.Done() != 0, j.Done() < last:
			t.Fatalf("cut off at %d: %d of %d are done, after %d", size, j.Done(), j.Len(), last)
		case !j.Planned():
			if err := j.Begin(replay.Header{Run: "another"}); err != nil {
				t.Fatalf("cut off at %d: %v", size, err)
			}
		}
		last = j.Done()
		j.Close()
	}
	if last != 2 {
		t.Errorf("%d are done in the end", last)
	}
}

func TestOpenRefuses(t *testing.T) {
	j, path := planned(t, firing(t, 1))
	if _, err := replay.Open(path); !errors.Is(err, replay.ErrHeld) || !strings.Contains(err.Error(), path) {
		t.Errorf("while it is held: %v", err)
	}
	j.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for name, text := range map[string]string{
		"notes":         "shopping list\n",
		"another JSON":  `{"apiVersion":"v1"}` + "\n",
		"no such event": `{"replay":{"run":"a"}}` + "\n" + `{"planned":{"events":0}}` + "\n" + `{"sent":1}` + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := replay.Open(path); err == nil || !strings.Contains(err.Error(), "is it a cursor file of quench replay?") {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != text {
			t.Errorf("%s: the file was changed to %q, %v", name, left, err)
		}
	}
}
