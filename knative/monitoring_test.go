package knative_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/adapter"
	"github.com/quench-dev/quench/adapter/gate"
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/knative/archive"
	"github.com/quench-dev/quench/knative/deadletter"
)

// ruleGroups is a file of Prometheus rules.
type ruleGroups struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	} `json:"groups"`
}

type rule struct {
	Alert  string            `json:"alert,omitempty"`
	Record string            `json:"record,omitempty"`
	Expr   string            `json:"expr"`
	Labels map[string]string `json:"labels,omitempty"`
}

func rulesOf(t *testing.T, file string) []rule {
	t.Helper()
	var groups ruleGroups
	readYAML(t, file, &groups)
	var all []rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no rules", file)
	}
	return all
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// promtool runs Prometheus' own tool.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := filepath.Abs("../.build/promtool")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: make tools builds it", err)
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestRulesAreRules(t *testing.T) {
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "monitoring/rules.yaml", "samples/prometheus-rules.yaml")
}

// Each alert about quench fires when it should, and has a case where it does not.
func TestRulesFire(t *testing.T) {
	promtool(t, "test", "rules", "monitoring/rules_test.yaml")
	var cases struct {
		Tests []struct {
			Cases []struct {
				Alert string `json:"alertname"`
				Fires []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		} `json:"tests"`
	}
	readYAML(t, "monitoring/rules_test.yaml", &cases)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range cases.Tests {
		for _, c := range test.Cases {
			if len(c.Fires) > 0 {
				fires[c.Alert] = true
			} else {
				silent[c.Alert] = true
			}
		}
	}
	for _, r := range rulesOf(t, "monitoring/rules.yaml") {
		if !fires[r.Alert] || !silent[r.Alert] {
			t.Errorf("%s: fires in a case is %v, is silent in one %v; want both", r.Alert, fires[r.Alert], silent[r.Alert])
		}
		if r.Labels["remediation"] != "" {
			t.Errorf("%s is about quench, and asks quench for a remediation", r.Alert)
		}
		if s := r.Labels["severity"]; s != "warning" && s != "critical" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
	}
}

// boardQueries are the board's expressions by panel, with what Grafana puts in the place of its variables.
func boardQueries(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("monitoring/board.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title, UID string
		Panels     []struct {
			ID      int
			Type    string
			Title   string
			Targets []struct{ RefID, Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	all := map[string]string{}
	in := strings.NewReplacer("$__rate_interval", "5m", "$function", ".*")
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("panel %q has the id of another, %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			all[fmt.Sprintf("panel %q, %s", p.Title, target.RefID)] = in.Replace(target.Expr)
		}
	}
	for _, v := range board.Templating.List {
		if of := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.Definition); of != nil {
			all["variable "+v.Name] = "count by (" + of[2] + ") (" + of[1] + ")"
		}
	}
	if board.UID != "quench" || len(all) < 20 {
		t.Errorf("board %q has %d queries", board.UID, len(all))
	}
	return all
}

// Prometheus understands every query of the board.
func TestBoardsQueriesAreQueries(t *testing.T) {
	var rules ruleGroups
	queries := boardQueries(t)
	names := make([]string, 0, len(queries))
	for name := range queries {
		names = append(names, name)
	}
	slices.Sort(names)
	rules.Groups = append(rules.Groups, struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	}{Name: "board"})
	for i, name := range names {
		rules.Groups[0].Rules = append(rules.Groups[0].Rules, rule{Record: fmt.Sprintf("board:query:%d", i), Expr: queries[name]})
	}
	text, err := yaml.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "board.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

// selector is a metric of ours in a query, and the labels that it is selected by.
var (
	selector = regexp.MustCompile(`(quench_[a-z_]+)(?:\{([^}]*)\})?`)
	labelled = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
)

// The metrics that rules and board look at are exported, with the labels that they are selected by.
func TestQueriesNameRealMetrics(t *testing.T) {
	queries := boardQueries(t)
	for _, file := range []string{"monitoring/rules.yaml", "samples/prometheus-rules.yaml"} {
		for _, r := range rulesOf(t, file) {
			queries[file+": "+r.Alert] = r.Expr
		}
	}
	text := exported(t)
	for where, query := range queries {
		for _, found := range selector.FindAllStringSubmatch(query, -1) {
			series := regexp.MustCompile(`(?m)^` + found[1] + `(\{.*\})? `).FindString(text)
			if series == "" {
				t.Errorf("%s: nothing exports %s", where, found[1])
				continue
			}
			for _, label := range labelled.FindAllStringSubmatch(found[2], -1) {
				if !strings.Contains(series, label[1]+`="`) {
					t.Errorf("%s: %s has no label %s", where, found[1], label[1])
				}
			}
		}
	}
}

// outcome is an event that each of the programs is sent.
const outcome = `{"specversion":"1.0","id":"e1","source":"/quench/rollback","type":"dev.quench.action.succeeded","datacontenttype":"application/json",
"data":{"function":"rollback","outcome":"succeeded","reason":"Done","actions":[{"finishedAt":"2026-11-20T22:00:00Z","durationSeconds":1.5}]}}`

// exported is what adapter, gate, archive and dead-letter sink show Prometheus once each was sent something.
func exported(t *testing.T) string {
	t.Helper()
	var a config.Adapter
	var d config.DeadLetter
	var kept config.Archive
	for _, spec := range []any{&a, &d, &kept} {
		if err := config.Load(spec); err != nil {
			t.Fatal(err)
		}
	}
	webhooks, err := adapter.New(a, nil, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	g, err := config.LoadGate()
	if err != nil {
		t.Fatal(err)
	}
	probes, err := gate.New(g, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	kept.File = filepath.Join(t.TempDir(), "archive.db")
	store, err := archive.Open(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var all strings.Builder
	for _, h := range []http.Handler{
		webhooks.Handler(), probes.Handler(), deadletter.New(d, zerolog.Nop()).Handler(), archive.New(kept, store, zerolog.Nop()).Handler(),
	} {
		all.WriteString(scraped(t, h))
	}
	return all.String()
}

// scraped is what h exports once it was posted something.
func scraped(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	resp, err := http.Post(s.URL, "application/cloudevents+json", strings.NewReader(outcome))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp, err = http.Get(s.URL + "/metrics"); err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
