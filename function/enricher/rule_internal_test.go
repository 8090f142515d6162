package enricher

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/enriched"
)

// suggested is what rules say of an alert whose object has this reason.
func suggested(rules []Rule, reason string, labels, annotations map[string]string) enriched.Suggestion {
	l := &look{
		Enricher: New(nil, Options{Rules: rules}), alert: &alert.Alert{Labels: labels, Annotations: annotations}, told: enriched.Data{Reason: reason},
	}
	if s := l.suggest(); s != nil {
		return *s
	}
	return enriched.Suggestion{}
}

const own = `
rules:
- alerts: ['alertname="Burns",namespace=~"shop-.+"', 'alertname="Smokes"']
  reasons: [OOMKilled, Error]
  action: call-shop
  text: Call {{ .Labels.pod }} $(pod) ${pod}.
  runbook: https://wiki.example.com/burns
- reasons: [OOMKilled]
  text: Ours.
- alerts: ['severity="critical"']
  runbook: https://wiki.example.com/critical
`

func TestRules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := Load(file, true)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Load(file, false)
	if err != nil {
		t.Fatal(err)
	}
	shop := enriched.Suggestion{Action: "call-shop", Text: "Call {{ .Labels.pod }} $(pod) ${pod}.", Runbook: "https://wiki.example.com/burns"}
	of := func(alertname, namespace, severity string) map[string]string {
		return map[string]string{"alertname": alertname, "namespace": namespace, "severity": severity, "pod": "x"}
	}
	for name, test := range map[string]struct {
		rules       []Rule
		reason      string
		labels      map[string]string
		annotations map[string]string
		want        enriched.Suggestion
	}{
		"by alert and reason, word by word": {both, "Error", of("Burns", "shop-1", ""), nil, shop},
		"by the other matchers":             {both, "OOMKilled", of("Smokes", "x", ""), nil, shop},
		"only some matchers match":          {alone, "Error", of("Burns", "x", ""), nil, enriched.Suggestion{}},
		"another reason":                    {alone, "Evicted", of("Burns", "shop-1", ""), nil, enriched.Suggestion{}},
		"the first wins":                    {both, "OOMKilled", of("A", "x", "critical"), nil, enriched.Suggestion{Text: "Ours."}},
		"by alert, without a reason":        {both, "", of("A", "x", "critical"), nil, enriched.Suggestion{Runbook: "https://wiki.example.com/critical"}},
		"the alert's own link wins":         {both, "OOMKilled", of("A", "x", ""), map[string]string{"runbook_url": "http://a.b/c"}, enriched.Suggestion{Text: "Ours.", Runbook: "http://a.b/c"}},
		"the alert's own link alone":        {alone, "", of("A", "x", ""), map[string]string{"runbook_url": "http://a.b/c"}, enriched.Suggestion{Runbook: "http://a.b/c"}},
		"what is no link":                   {alone, "", of("A", "x", ""), map[string]string{"runbook_url": "javascript:alert(1)"}, enriched.Suggestion{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := suggested(test.rules, test.reason, test.labels, test.annotations); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	if got := suggested(both, "Evicted", of("A", "x", ""), nil); got.Action != "set-requests" {
		t.Errorf("the shipped rules are not used after one's own: %+v", got)
	}
}

// What ships covers what goes wrong most, and each of its rules says all there is to say.
func TestShippedRules(t *testing.T) {
	rules, err := Load("", true)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rules {
		if s := r.suggestion; s.Action == "" || s.Text == "" || !strings.HasPrefix(s.Runbook, "https://") {
			t.Errorf("%v, %v: %+v", r.alerts, r.reasons, s)
		}
		for _, reason := range r.reasons {
			if seen[reason] && len(r.alerts) == 0 {
				t.Errorf("%s is in two rules: the later one never counts", reason)
			}
			seen[reason] = true
		}
	}
	for _, reason := range []string{
		"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CrashLoopBackOff", "OOMKilled", "CreateContainerConfigError", "Unschedulable",
		"FailedScheduling", "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Evicted", "Unhealthy", "BackoffLimitExceeded",
		"ProgressDeadlineExceeded", "FailedCreate", "MemoryPressure", "DiskPressure", "PIDPressure", "NodeNotReady",
	} {
		if !seen[reason] {
			t.Errorf("nothing is said of %s", reason)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"no YAML":            {"\t", "rules.yaml: "},
		"nothing":            {"", "no rules; want rules:, a list of rules"},
		"another section":    {"jobs: []", `unknown field "jobs"; want rules:, a list of rules`},
		"no list":            {"rules: {}", "rules: got a object, want a list"},
		"no mapping":         {"rules: [a]", "rules[0]: got a string, want a mapping"},
		"a field too many":   {"rules: [{reason: OOMKilled, text: a}]", `rules[0]: unknown field "reason"`},
		"reasons no list":    {"rules: [{reasons: OOMKilled, text: a}]", "rules[0]: reasons: got a string, want a list"},
		"for every alert":    {"rules: [{text: a}]", "rules[0]: alerts, reasons: want one of them at least"},
		"says nothing":       {"rules: [{reasons: [OOMKilled]}]", "rules[0]: action, text, runbook: want one of them at least"},
		"no matcher":         {"rules: [{alerts: ['Kube.*\"'], text: a}]", "rules[0]: alerts[0]: got"},
		"an empty matcher":   {"rules: [{alerts: [''], text: a}]", "want Alertmanager's matchers, such as"},
		"an ill expression":  {`rules: [{alerts: ['alertname=~"("'], text: a}]`, "rules[0]: alerts[0]: got"},
		"an empty reason":    {"rules: [{reasons: [''], text: a}]", "rules[0]: reasons[0]: empty; want a reason such as OOMKilled"},
		"an action in words": {"rules: [{reasons: [A], action: Roll back}]", `rules[0]: action: got "Roll back", want lower-case letters`},
		"no link":            {"rules: [{reasons: [A], runbook: 'javascript:a'}]", `rules[0]: runbook: got "javascript:a", want an http or https URL`},
		"a text too long":    {"rules: [{reasons: [A], text: " + strings.Repeat("a", 2001) + "}]", "rules[0]: text: got 2001 bytes, want at most 2000"},
		"two that are wrong": {"rules: [{text: a}, {reasons: [A]}]", "rules[1]: action, text, runbook"},
		"too large":          {strings.Repeat("#", 1<<20+1), "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse("rules.yaml", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none"), true); err == nil || !strings.Contains(err.Error(), "read rules: open") {
		t.Errorf("a file that is not there: %v", err)
	}
}
