package knative_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/slack"
)

// notifierUsage has notifier tell of an alert, be cut off and taken over from, and sweep.
func notifierUsage(t *testing.T, w *functiontest.World) *usage {
	t.Helper()
	s := httptest.NewServer(&slack.Server{})
	t.Cleanup(s.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(slack.Token), 0o600); err != nil {
		t.Fatal(err)
	}
	receivers, err := notifier.Parse("notifier.yaml", []byte("receivers: [{name: ops, type: slack, channel: "+slack.Channel+", tokenFile: "+token+", apiURL: "+s.URL+"/api}]"))
	if err != nil {
		t.Fatal(err)
	}
	telling := func(client *cluster.Client) *function.Function {
		records := &record.Remediations{Client: client}
		n := notifier.New(receivers, notifier.Options{
			Locks: &lease.Locker{Client: client, Function: notifier.Name, Duration: 30 * time.Second, Now: w.Clock.Now}, Records: records, Now: w.Clock.Now,
		})
		return function.Listening(n, function.Options{Records: records, RecordTTL: 2 * time.Hour, Now: w.Clock.Now})
	}
	used := &usage{}
	a := functiontest.Alert(map[string]string{"alertname": "A"})
	e := functiontest.Event(t, a, w.Clock.Now())
	cut := telling(used.client(w, notifier.Name, func(r *http.Request) bool { return r.Method == http.MethodDelete || r.Method == http.MethodPut }))
	if _, err := cut.Handle(t.Context(), e); err == nil {
		t.Fatal("what cannot be remembered is told")
	}
	w.Clock.Advance(31 * time.Second)
	f := telling(used.client(w, notifier.Name, nil))
	if _, err := f.Handle(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(3 * time.Hour) // past RecordTTL: the next is swept after
	f = telling(used.client(w, notifier.Name, nil))
	if _, err := f.Handle(t.Context(), functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "B"}), w.Clock.Now())); err != nil {
		t.Fatal(err)
	}
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return used
}
