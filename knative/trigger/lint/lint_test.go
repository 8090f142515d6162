package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	v1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/trigger/lint"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// onAlerts and delivered are the parts of a Trigger that nothing is wrong with.
const (
	onAlerts  = `{ any: [ { exact: { type: io.prometheus.alertmanager.alert.firing } }, { exact: { type: io.prometheus.alertmanager.alert.resolved } } ] }`
	delivered = `{ retry: 6, backoffPolicy: exponential, backoffDelay: PT0.5S, timeout: PT35S, deadLetterSink: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: dead-letter } } }`
)

// trig is a Trigger with these lines in its spec, and what they leave out of the rest: on alerts alone, unless they say
// something of the type.
func trig(name, spec string) string {
	rest := []string{"broker: default", "subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: rollback } }", "delivery: " + delivered}
	for _, line := range rest {
		key, _, _ := strings.Cut(line, ":")
		if !strings.Contains("\n"+spec, "\n"+key+":") {
			spec += "\n" + line
		}
	}
	return "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: { name: " + name + " }\nspec:\n  " +
		strings.ReplaceAll(strings.TrimSpace(spec), "\n", "\n  ") + "\n"
}

// on is a spec with this filter beside that for alerts.
func on(filter string) string { return "filters:\n- " + onAlerts + "\n- " + filter }

// look lints a file with this text.
func look(t *testing.T, text string, o lint.Options) []lint.Finding {
	t.Helper()
	file := filepath.Join(t.TempDir(), "t.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := source.Open(t.Context(), source.Options{Paths: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	findings, err := lint.Run(t.Context(), set.Objects, o)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

func ids(findings []lint.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, f.ID)
	}
	return all
}

// triggers are those of a text as the API server would keep them, without a look at what they say.
func triggers(t *testing.T, text string) []*v1.Trigger {
	t.Helper()
	var all []*v1.Trigger
	for _, document := range strings.Split(text, "---\n") {
		tr := new(v1.Trigger)
		if err := yaml.Unmarshal([]byte(document), tr); err != nil {
			t.Fatal(err)
		}
		if tr.Kind != "Trigger" {
			continue
		}
		if tr.Namespace == "" {
			tr.Namespace = "default"
		}
		tr.SetDefaults(t.Context())
		all = append(all, tr)
	}
	return all
}

// fires is the event of an alert as the adapter makes it. Labels are name=value.
func fires(t *testing.T, labels ...string) event.Event {
	t.Helper()
	a := &alert.Alert{Status: alert.Firing, Labels: map[string]string{"alertname": "Full"}, StartsAt: time.Unix(1_800_000_000, 0), Fingerprint: "c0ffee"}
	for _, l := range labels {
		name, value, _ := strings.Cut(l, "=")
		a.Labels[name] = value
	}
	e, err := (&alert.Encoder{Source: "/alertmanager/default"}).ToEvent(a, time.Unix(1_800_000_001, 0))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Each finding: a Trigger that has it, and to which real Knative does the harm, and one that is much like it, which is
// well, and of which lint says nothing.
func TestEachFindingIsHarmAndItsAbsenceIsNone(t *testing.T) {
	for _, r := range lint.Rules {
		c, ok := cases[r.ID]
		if !ok {
			t.Errorf("%s: no case", r.ID)
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			options := lint.Options{SendTimeout: c.sendTimeout}
			found := look(t, c.harmful, options)
			if !slices.Contains(ids(found), r.ID) {
				t.Errorf("%s: found %v", c.harmful, ids(found))
			}
			for _, f := range found {
				if f.ID != r.ID && !slices.Contains(c.also, f.ID) {
					t.Errorf("found %s, too: %s", f.ID, f.Why)
				}
				if f.Why == "" || f.Instead == "" || f.Line == 0 || f.Field == "" {
					t.Errorf("%+v: something is not said", f)
				}
			}
			if found := look(t, c.silent, options); len(found) > 0 {
				t.Errorf("%s: found %+v", c.silent, found)
			}
			if c.harm != nil {
				t.Run("harm", func(t *testing.T) { c.harm(t, newKnative(t), triggers(t, c.harmful)) })
			}
			if c.well != nil {
				t.Run("none", func(t *testing.T) { c.well(t, newKnative(t), triggers(t, c.silent)) })
			}
		})
	}
	for id := range cases {
		if !slices.ContainsFunc(lint.Rules, func(r lint.Rule) bool { return r.ID == id }) {
			t.Errorf("%s: a case of no rule", id)
		}
	}
}

// onlyOnACluster are findings whose harm is done by Knative's controllers, which these tests do not have: the end-to-end
// tests show it. Of unknown-ignore Knative knows nothing.
var onlyOnACluster = []string{"broker-missing", "subscriber-missing", "dead-letter-sink-missing", "unknown-ignore"}

func TestHarmIsShown(t *testing.T) {
	for id, c := range cases {
		if (c.harm == nil) != slices.Contains(onlyOnACluster, id) {
			t.Errorf("%s: harm shown here %v", id, c.harm != nil)
		}
	}
}

func TestIgnored(t *testing.T) {
	text := strings.Replace(trig("t", on("{ exact: { severity: '' } }")), "name: t", "name: t, annotations: { quench.dev/lint-ignore: 'loop, empty-value' }", 1)
	if found := look(t, text, lint.Options{}); len(found) > 0 {
		t.Errorf("found %v", ids(found))
	}
}

func TestLines(t *testing.T) {
	text := "# a comment\n" + trig("a", "filters:\n- exact: { type: io.prometheus.alertmanager.alert.firing }\n- any:\n  - exact:\n      severity: page\n  - prefix:\n      namespace: ''") +
		"---\n" + trig("b", "filters:\n- exact:\n    type: io.prometheus.alertmanager.alert.firing\n    team_name: x\ndelivery:\n  retry: 0\n  timeout: PT35S\n  deadLetterSink: { uri: http://x.y }")
	var got []string
	for _, f := range look(t, text, lint.Options{}) {
		got = append(got, fmt.Sprintf("%d %s %s", f.Line, f.ID, f.Field))
	}
	want := []string{
		"12 empty-value spec.filters[1].any[1].prefix.namespace",
		"24 attribute-name spec.filters[0].exact.team_name",
		"26 no-retry spec.delivery.retry",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// Knative's parser panics on some of what is no CESQL.
func TestCESQLThatIsNone(t *testing.T) {
	for _, expression := range []string{"severity IN ()", "severity =", "severity = 'x", "", "(", "severity LIKE team"} {
		found := ids(look(t, trig("t", on(fmt.Sprintf("{ cesql: %q }", expression))), lint.Options{}))
		want := "cesql-syntax"
		if expression == "" {
			want = "empty-filter"
		}
		if !slices.Equal(found, []string{want}) {
			t.Errorf("%q: found %v, want %s", expression, found, want)
		}
	}
}
