package archive_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quench-dev/quench/knative/archive/store"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/tests/postgres"
	"github.com/quench-dev/quench/tests/program"
)

// rounds is how often the program is killed.
const rounds = 6

// Killed with SIGKILL at any point under load, the archive has every event that it acknowledged, each once, and has
// counted no delivery that was not made and left out none that it acknowledged.
func TestKilledUnderLoad(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "archive.db")
		killed(t, "ARCHIVE_FILE="+file, func() (*store.Store, error) { return store.OpenSQLite(t.Context(), file) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := postgres.Start(t).Database(t)
		killed(t, "ARCHIVE_DSN="+dsn, func() (*store.Store, error) { return store.OpenPostgres(t.Context(), dsn) })
	})
}

func killed(t *testing.T, where string, open func() (*store.Store, error)) {
	l := &load{tried: map[string]int{}, acked: map[string]int{}}
	for range rounds {
		c, url := startServing(t, where)
		l.run(t, url, func() {
			time.Sleep(50*time.Millisecond + rand.N(400*time.Millisecond)) // any point: that is what is tested
			if err := c.Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = c.Wait()
		})
	}
	if len(l.acked) < rounds {
		t.Fatalf("%d events were acknowledged: too few to tell", len(l.acked))
	}
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	kept := map[string]history.Entry{}
	for q := (history.Query{Limit: history.MaxLimit}); ; {
		p, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			if _, twice := kept[e.Event.ID()]; twice || e.Seq <= q.After {
				t.Errorf("%s is there twice, or out of order", e.Event.ID())
			}
			kept[e.Event.ID()], q.After = e, e.Seq
		}
		if p.Next == "" {
			break
		}
	}
	for id, n := range l.acked {
		e, ok := kept[id]
		if !ok {
			t.Errorf("%s was acknowledged and is not there", id)
			continue
		}
		if e.Arrivals < n || e.Arrivals > l.tried[id] {
			t.Errorf("%s: %d arrivals, of %d that were acknowledged and %d that were sent", id, e.Arrivals, n, l.tried[id])
		}
		if want := dataOf(id); string(e.Event.Data()) != want {
			t.Errorf("%s holds %.50q", id, e.Event.Data())
		}
	}
	t.Logf("%d events acknowledged, %d there, %d kills", len(l.acked), len(kept), rounds)
}

// startServing starts the program and says where it listens.
func startServing(t *testing.T, where string) (*exec.Cmd, string) {
	t.Helper()
	c, url, lines := program.Serving(t, "PORT=0", "DRAIN_QUIET=0s", where)
	go func() {
		for lines.Scan() { // so that it never waits for a reader
		}
	}()
	return c, url
}

// load is what was sent, and what was answered with 204.
type load struct {
	mu           sync.Mutex
	n            int
	tried, acked map[string]int
}

// run sends until stop has returned.
func (l *load) run(t *testing.T, url string, stop func()) {
	ctx, end := context.WithCancel(t.Context())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var senders sync.WaitGroup
	for range 16 {
		senders.Go(func() {
			for ctx.Err() == nil {
				l.send(client, url)
			}
		})
	}
	stop()
	end()
	senders.Wait()
}

// send sends an event, every third one for the second time.
func (l *load) send(client *http.Client, url string) {
	l.mu.Lock()
	l.n++
	id := fmt.Sprintf("e%d", l.n)
	if l.n%3 == 0 {
		id = fmt.Sprintf("e%d", l.n-2)
	}
	l.tried[id]++
	l.mu.Unlock()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(dataOf(id)))
	if err != nil {
		panic(err)
	}
	for k, v := range map[string]string{"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": id, "Ce-Source": "/s", "Ce-Type": "t", "Ce-Alertname": "DiskFull"} {
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		l.mu.Lock()
		l.acked[id]++
		l.mu.Unlock()
	}
}

func dataOf(id string) string { return `{"id":"` + id + `","rest":"` + strings.Repeat(id, 100) + `"}` }
