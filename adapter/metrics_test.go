package adapter

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetricsPassLint(t *testing.T) {
	a, url, _ := start(t, settings(t, newSink(t).URL, nil))
	post(t, url, webhookOf("a"))
	problems, err := testutil.GatherAndLint(a.metrics.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetrics(t *testing.T) {
	s := newSink(t)
	s.answers(func(e event.Event) int {
		if pod(e) == "b" {
			return 500
		}
		return 202
	})
	_, url, _ := start(t, settings(t, s.URL, nil))
	post(t, url, webhookOf("a", "b"))
	s.answers(nil)
	post(t, url, webhookOf("a", "b"))
	post(t, url, payload(t, "resolved"))
	post(t, url, []byte("hello"))
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`quench_adapter_webhooks_total{code="200"} 2`,
		`quench_adapter_webhooks_total{code="400"} 1`,
		`quench_adapter_webhooks_total{code="503"} 1`,
		`quench_adapter_alerts_total{status="firing"} 4`,
		`quench_adapter_alerts_total{status="resolved"} 1`,
		`quench_adapter_events_total{outcome="delivered"} 3`,
		`quench_adapter_events_total{outcome="failed"} 1`,
		`quench_adapter_events_total{outcome="remembered"} 1`,
		`quench_adapter_send_duration_seconds_count 4`,
		`quench_adapter_webhooks_in_flight 0`,
		`quench_adapter_sends_in_flight 0`,
		`quench_adapter_ready 1`,
	} {
		if !strings.Contains(string(body), want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if !regexp.MustCompile(`quench_build_info\{goversion="go[^"]+",revision="[^"]+",version="[^"]+"\} 1`).Match(body) || !strings.Contains(string(body), "go_goroutines") {
		t.Errorf("build and process are missing: %s", body)
	}
}

func TestAnAdapterWithoutASinkIsNotReady(t *testing.T) {
	a, _, _ := start(t, settings(t, "", nil))
	if err := testutil.GatherAndCompare(a.metrics.registry, strings.NewReader(
		"# HELP quench_adapter_ready 1 when events can be sent on; 0 without a sink, or without the key that they are to be signed with.\n"+
			"# TYPE quench_adapter_ready gauge\nquench_adapter_ready 0\n"), "quench_adapter_ready"); err != nil {
		t.Error(err)
	}
}
