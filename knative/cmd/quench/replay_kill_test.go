package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/history/lines"
)

// counter takes events and counts them by identity; each, if it is not nil, is
// called while the nth is on its way, before it is answered.
type counter struct {
	mu   sync.Mutex
	got  map[string]int
	all  int
	each func(n int)
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.got[r.Header.Get("Ce-Source")+" "+r.Header.Get("Ce-Id")]++
	c.all++
	n, each := c.all, c.each
	c.mu.Unlock()
	if each != nil {
		each(n)
	}
	w.WriteHeader(http.StatusAccepted)
}

func (c *counter) on(each func(n int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.each = each
}

// count says how many came, how many different ones, and how often the most frequent.
func (c *counter) count() (all, different, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.got {
		most = max(most, n)
	}
	return c.all, len(c.got), most
}

// alerts is a file of so many.
func alerts(t *testing.T, n int) string {
	t.Helper()
	enc := alert.Encoder{Source: alert.Source("default")}
	var text bytes.Buffer
	for i := range n {
		started := time.Now().Add(-time.Minute)
		e, err := enc.ToEvent(&alert.Alert{
			Status: alert.Firing, Labels: map[string]string{"alertname": "Burns", "pod": fmt.Sprint(i)}, StartsAt: started, Fingerprint: fmt.Sprintf("%016x", i),
		}, started)
		if err != nil {
			t.Fatal(err)
		}
		line, err := lines.Event(e)
		if err == nil {
			err = lines.Write(&text, line)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "alerts.jsonl")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// replaying is the program itself, sending a file; the arguments are the same each
// time, and so it goes on where it was.
func replaying(t *testing.T, file, to, state string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Args = []string{"quench", "replay", "--file", file, "--to", to, "--yes", "--rate", "max"}
	c.Env = append(os.Environ(), "XDG_STATE_HOME="+state, "KUBECONFIG=")
	return c
}

// A replay of 10,000 events is killed again and again, at any point: while it plans, while an event is on its way, and
// between. Run again until it is done, the sink has each; no more of them twice than there were kills.
func TestReplayIsKilled(t *testing.T) {
	const events, kills = 10_000, 24
	file, state := alerts(t, events), t.TempDir()
	sink := &counter{got: map[string]int{}}
	server := httptest.NewServer(sink)
	defer server.Close()
	inDoubt := 0
	for kill := range kills {
		c := replaying(t, file, server.URL, state)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		gone := make(chan struct{})
		end := sync.OnceFunc(func() { _ = c.Process.Kill() })
		all, _, _ := sink.count()
		last := all + 1 + rand.IntN(events/kills)
		switch kill % 3 {
		case 0: // at any time from its start on, the planning too
			time.AfterFunc(time.Duration(rand.IntN(600))*time.Millisecond, end)
		case 1: // while an event is on its way: it is not known to have been taken
			sink.on(func(n int) {
				if n == last {
					inDoubt++
					end()
					<-gone // before there is an answer
				}
			})
		default: // some time after an event
			sink.on(func(n int) {
				if n == last {
					time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, end)
				}
			})
		}
		_ = c.Wait()
		close(gone)
		sink.on(nil)
	}
	_, sent, _ := sink.count()
	if out, err := replaying(t, file, server.URL, state).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	all, different, most := sink.count()
	twice := all - different
	if different != events || twice > kills || most > 1+kills {
		t.Errorf("the sink has %d of %d events; in %d kills %d came twice, one of them %d times", different, events, kills, twice, most)
	}
	if sent == 0 || sent == events || twice < 1 {
		t.Errorf("%d events were sent before the last run, %d twice: the test shows nothing", sent, twice)
	}
	if left, err := filepath.Glob(filepath.Join(state, "quench", "*")); err != nil || len(left) != 0 {
		t.Errorf("%q is left, %v", left, err)
	}
	t.Logf("%d kills, %d of them while an event was on its way: %d events came twice; %d were sent before the last run", kills, inDoubt, twice, sent)
}

// Interrupted as by Ctrl-C, at any point: each event comes once.
func TestReplayIsInterrupted(t *testing.T) {
	const events, interrupts = 2_000, 10
	file, state := alerts(t, events), t.TempDir()
	sink := &counter{got: map[string]int{}}
	server := httptest.NewServer(sink)
	defer server.Close()
	for range interrupts {
		c := replaying(t, file, server.URL, state)
		var said bytes.Buffer
		c.Stderr = &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all, _, _ := sink.count()
		last := all + 1 + rand.IntN(events/interrupts)
		sink.on(func(n int) {
			if n == last {
				_ = c.Process.Signal(syscall.SIGINT)
			}
		})
		if err := c.Wait(); err == nil || !bytes.Contains(said.Bytes(), []byte("interrupted: ")) {
			t.Fatalf("%v: %s", err, &said)
		}
		sink.on(nil)
	}
	if out, err := replaying(t, file, server.URL, state).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if all, different, _ := sink.count(); different != events || all != events {
		t.Errorf("the sink has %d of %d events, %d came in all", different, events, all)
	}
}
