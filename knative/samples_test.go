package knative_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/adapter"
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/knative/deadletter"
)

// job-runner starts with the rules that are shipped, and with the samples.
func TestRulesParse(t *testing.T) {
	for _, file := range []string{"base/job-runner/jobs.yaml", "samples/jobs.yaml", "samples/site/jobs.yaml"} {
		if rules, err := jobrunner.Load(file); err != nil || len(rules) == 0 {
			t.Errorf("%s: %d rules, %v", file, len(rules), err)
		}
	}
}

// So does image-patcher with its sample.
func TestImageRulesParse(t *testing.T) {
	if rules, err := imagepatcher.Load("samples/images.yaml"); err != nil || len(rules) != 4 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
}

// And enricher.
func TestEnricherRulesParse(t *testing.T) {
	if rules, err := enricher.Load("samples/enricher.yaml", false); err != nil || len(rules) != 2 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
}

// The metrics that the sample rules look at are there.
func TestPrometheusRulesNameRealMetrics(t *testing.T) {
	text, err := os.ReadFile("samples/prometheus-rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	exported := exported(t)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if strings.HasPrefix(r.Alert, "Quench") && r.Labels["remediation"] != "" {
				t.Errorf("%s is about quench, and asks quench for a remediation", r.Alert)
			}
			for _, name := range regexp.MustCompile(`quench_[a-z_]+`).FindAllString(r.Expr, -1) {
				if !strings.Contains(exported, "\n"+name+"{") && !strings.Contains(exported, "\n"+name+" ") {
					t.Errorf("%s: nothing exports %s", r.Alert, name)
				}
			}
		}
	}
}

// exported is what the adapter and the dead-letter sink show Prometheus once each was asked something.
func exported(t *testing.T) string {
	t.Helper()
	var a config.Adapter
	var d config.DeadLetter
	for _, spec := range []any{&a, &d} {
		if err := config.Load(spec); err != nil {
			t.Fatal(err)
		}
	}
	webhooks, err := adapter.New(a, nil, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, h := range []http.Handler{webhooks.Handler(), deadletter.New(d, zerolog.Nop()).Handler()} {
		s := httptest.NewServer(h)
		defer s.Close()
		event := `{"specversion":"1.0","id":"e1","source":"/","type":"t"}`
		if resp, err := http.Post(s.URL, "application/cloudevents+json", strings.NewReader(event)); err != nil {
			t.Fatal(err)
		} else {
			resp.Body.Close()
		}
		resp, err := http.Get(s.URL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(body)
	}
	return all.String()
}
