package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/knative/archive"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/client"
)

// serveArchive brings a real archive, on a file of its own: $QUENCH_ARCHIVE.
func serveArchive(ts *testscript.TestScript, _ bool, _ []string) {
	url, end, err := startArchive(ts.Getenv("WORK"), "")
	ts.Check(err)
	ts.Defer(end)
	ts.Setenv("QUENCH_ARCHIVE", url)
}

// startArchive serves one on PostgreSQL or, without a DSN, on a file in the folder.
func startArchive(folder, dsn string) (url string, end func(), err error) {
	c := config.Archive{
		File: filepath.Join(folder, "archive.db"), DSN: config.Secret(dsn), MaxSize: 1 << 30, MaxBodyBytes: 1 << 20, MaxInFlightBytes: 8 << 20,
		MaxStreams: 4, WriteTimeout: config.Duration(time.Minute),
	}
	store, err := archive.Open(context.Background(), c)
	if err != nil {
		return "", nil, err
	}
	a := archive.New(c, store, zerolog.Nop())
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	server := httptest.NewServer(a.Handler())
	return server.URL, func() {
		stop()
		running.Wait()
		server.Close()
		_ = store.Close()
	}, nil
}

// serveSink takes events at $SINK, and writes a line about each to the file sink:
// its id, whether it was replayed, and why.
func serveSink(ts *testscript.TestScript, _ bool, _ []string) {
	file, err := os.Create(filepath.Join(ts.Getenv("WORK"), "sink"))
	ts.Check(err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := binding.ToEvent(r.Context(), cehttp.NewMessageFromHttpRequest(r))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(file, "%s replayed=%t cause=%v signed=%t\n", e.ID(), e.Extensions()["replayedtime"] != nil, e.Extensions()["causationid"], e.Extensions()["quenchsignature"] != nil)
		w.WriteHeader(http.StatusAccepted)
	}))
	ts.Defer(func() {
		server.Close()
		file.Close()
	})
	ts.Setenv("SINK", server.URL)
}

// following is the program while it follows an archive; lines are those that it prints.
func following(t *testing.T, archive string, args ...string) (lines *bufio.Scanner, interrupt func()) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Args = append([]string{"quench"}, args...)
	c.Env = append(os.Environ(), "QUENCH_ARCHIVE="+archive, "KUBECONFIG=", "TZ=UTC")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return bufio.NewScanner(out), func() {
		t.Helper()
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := c.Wait(); err != nil {
			t.Errorf("interrupted: %v", err)
		}
	}
}

// Events are followed as they come, those before first, and an interrupt is a good end.
func TestFollowing(t *testing.T) {
	url, end, err := startArchive(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	a, err := client.At(url)
	if err != nil {
		t.Fatal(err)
	}
	put := func(n int) {
		t.Helper()
		e := event.New()
		e.SetID(fmt.Sprint("e", n))
		e.SetType("io.prometheus.alertmanager.alert.firing")
		e.SetSource("/alertmanager/default")
		e.SetExtension("alertname", "KubePodCrashLooping")
		e.SetExtension("pod", fmt.Sprint("frontend-", n))
		if err := a.Put(t.Context(), history.Entry{Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	put(1)
	next := func(lines *bufio.Scanner, says ...string) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("it has ended: %v", lines.Err())
		}
		for _, text := range says {
			if !strings.Contains(lines.Text(), text) {
				t.Errorf("it says %q, want %q", lines.Text(), text)
			}
		}
	}
	tail, endTail := following(t, url, "events", "tail")
	next(tail, "firing", "KubePodCrashLooping", "frontend-1")
	put(2)
	next(tail, "frontend-2")
	endTail()

	watch, endWatch := following(t, url, "trigger", "watch", "--triggers", "../../samples/triggers.yaml", "--since", "1h")
	next(watch, "firing", "KubePodCrashLooping (frontend-1) → quench/crash-loop-to-job-runner")
	next(watch, "frontend-2")
	put(3)
	next(watch, "frontend-3")
	dead := history.Entry{Event: event.New(), DeadLetter: &history.DeadLetter{Destination: "http://rollback", Code: "503"}}
	dead.Event.SetID("e3") // which has come before
	dead.Event.SetType("io.prometheus.alertmanager.alert.firing")
	dead.Event.SetSource("/alertmanager/default")
	if err := a.Put(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	next(watch, "dead letter", "frontend-3", "not taken by http://rollback, which answered 503")
	endWatch()
}
