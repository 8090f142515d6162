package archive_test

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quench-dev/quench/knative/history"
)

// What is promised, for a million events on a machine with two cores.
const (
	wantWrites = 2000                   // events a second, each on disk when it is acknowledged
	wantList   = 200 * time.Millisecond // by alert name and time, at the median
	wantMemory = 150 << 10              // KiB
)

// names is how many alerts there are.
const names = 200

// TestFigures measures the real program, over HTTP, with its file on this disk; make bench-archive runs it.
// QUENCH_BENCH_ARCHIVE is how many events, QUENCH_SERVER the program. Plain INSERTs, each a transaction of its own into the
// same columns, are beside it in the same run.
func TestFigures(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("QUENCH_BENCH_ARCHIVE"))
	if err != nil || os.Getenv("QUENCH_SERVER") == "" {
		t.Skip("it takes minutes: make bench-archive runs it")
	}
	dir, err := os.MkdirTemp(filepath.Dir(os.Getenv("QUENCH_SERVER")), "bench-archive-") //nolint:usetesting // on a disk, where TMPDIR may be memory
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	plain := plainInserts(t, filepath.Join(dir, "plain.db"), 10*time.Second)
	c, address := startProgram(t, filepath.Join(dir, "archive.db"))

	began := time.Now()
	sendAll(t, address, n)
	took := time.Since(began)
	writes := float64(n) / took.Seconds()
	times := listAll(t, address, began, took)
	memory := peak(t, c.Process.Pid)
	info, err := os.Stat(filepath.Join(dir, "archive.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events of about 1.3 KB over HTTP, each on disk when acknowledged: %.0f a second (%s in all); plain INSERTs %.0f a second; ratio %.1f",
		n, writes, took.Round(time.Second), plain, writes/plain)
	t.Logf("list by alert name and time, 100 of them: median %s, 90th percentile %s, slowest %s of %d",
		times[len(times)/2], times[len(times)*9/10], times[len(times)-1], len(times))
	t.Logf("peak memory (RSS) %d MiB; the file has %d MiB", memory>>10, info.Size()>>20)
	if writes < wantWrites {
		t.Errorf("%.0f writes a second, want %d", writes, wantWrites)
	}
	if median := times[len(times)/2]; median > wantList {
		t.Errorf("a list takes %s at the median, want %s", median, wantList)
	}
	if memory > wantMemory {
		t.Errorf("%d KiB of memory, want at most %d", memory, wantMemory)
	}
}

// startProgram starts the archive on the file.
func startProgram(t *testing.T, file string) (c *exec.Cmd, address string) {
	t.Helper()
	c = exec.CommandContext(t.Context(), os.Getenv("QUENCH_SERVER"), "archive")
	c.Env = []string{"PORT=0", "ARCHIVE_FILE=" + file, "ARCHIVE_MAX_SIZE=16Gi", "GOMEMLIMIT=96MiB"}
	out, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("it does not start")
	}
	var l struct{ Addr string }
	if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
		t.Fatalf("%s: %v", lines.Text(), err)
	}
	go func() { _, _ = io.Copy(os.Stderr, out) }()
	_, port, _ := strings.Cut(l.Addr, "]:")
	return c, "http://127.0.0.1:" + port
}

// body is an alert's data, of the size that Alertmanager's have.
var body = `{"status":"firing","labels":{"alertname":"KubePodCrashLooping"},"rest":"` + strings.Repeat("alert ", 150) + `"}`

func attributesOf(i int) map[string]string {
	return map[string]string{
		"id": fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15), "source": "/alertmanager/default", "type": "io.prometheus.alertmanager.alert.firing", "specversion": "1.0",
		"alertname": fmt.Sprintf("Alert%d", i%names), "correlationid": fmt.Sprintf("%032x", uint64(i/3)*0x9e3779b97f4a7c15),
		"namespace": fmt.Sprintf("shop-%d", i%17), "pod": fmt.Sprintf("frontend-%d", i%1000), "severity": "critical", "remediation": "job-runner",
		"recordedtime": "2026-11-20T22:00:00Z", "fingerprint": fmt.Sprintf("%016x", i%5000), "subject": fmt.Sprintf("Alert%d/%016x", i%names, i%5000),
	}
}

// sendAll posts n events, 64 at once.
func sendAll(t *testing.T, address string, n int) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			i := int(next.Add(1))
			for i <= n && !t.Failed() {
				req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				for name, v := range attributesOf(i) {
					req.Header.Set("Ce-"+name, v)
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusNoContent:
					i = int(next.Add(1))
				case http.StatusServiceUnavailable: // the machine has held it up: once more, as any sender does
				default:
					t.Errorf("%d: %s", i, resp.Status)
				}
			}
		})
	}
	senders.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// listAll asks for an alert's events since some time, and says how long each answer took, the quickest first.
func listAll(t *testing.T, address string, began time.Time, took time.Duration) (times []time.Duration) {
	t.Helper()
	for range 300 {
		q := history.Query{Attributes: map[string]string{"alertname": fmt.Sprintf("Alert%d", rand.N(names))}, Since: began.Add(rand.N(took * 3 / 4)), Descending: rand.N(2) == 0}
		q.Until = q.Since.Add(took / 5)
		asked := time.Now()
		resp, err := http.Get(address + "/api/v1/events?" + q.Values().Encode())
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		times = append(times, time.Since(asked))
		var page history.Page
		if err == nil {
			err = json.Unmarshal(text, &page)
		}
		if err != nil || resp.StatusCode != http.StatusOK || len(page.Events) == 0 {
			t.Fatalf("%s: %v, %d events: %.200s", q.Values().Encode(), err, len(page.Events), text)
		}
	}
	slices.Sort(times)
	return times
}

// plainInserts is what the same database does with one INSERT after the other, synced each, a second.
func plainInserts(t *testing.T, file string, during time.Duration) float64 {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE events (seq INTEGER PRIMARY KEY, received INTEGER, id TEXT UNIQUE, alertname TEXT, attributes TEXT, data BLOB)"); err != nil {
		t.Fatal(err)
	}
	began, n := time.Now(), 0
	for ; time.Since(began) < during; n++ {
		a := attributesOf(n)
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("INSERT INTO events (received, id, alertname, attributes, data) VALUES (?, ?, ?, ?, ?)",
			time.Now().UnixMicro(), a["id"], a["alertname"], string(text), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	return float64(n) / time.Since(began).Seconds()
}

// peak is the most memory that the process had, in KiB, as the kernel counts it.
func peak(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(line, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}
