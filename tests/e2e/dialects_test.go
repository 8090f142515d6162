//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/trigger"
)

// dialects are what stands in a Trigger's spec: filters of every dialect, on attributes that are simple and on those that
// rules changed on the way.
var dialects = map[string]string{
	"no-filter":             ``,
	"legacy":                `filter: { attributes: { severity: critical } }`,
	"legacy-two":            `filter: { attributes: { type: io.prometheus.alertmanager.alert.firing, pod: backend-1 } }`,
	"legacy-any-value":      `filter: { attributes: { pod: "" } }`,
	"legacy-changed-name":   `filter: { attributes: { labeltype: t } }`,
	"legacy-beside-filters": `filter: { attributes: { severity: none } }, filters: [{ exact: { severity: page } }]`,
	"exact":                 `filters: [{ exact: { severity: critical } }]`,
	"exact-two":             `filters: [{ exact: { severity: page, pod: backend-1 } }]`,
	"exact-one-of-two":      `filters: [{ exact: { severity: page, pod: frontend-1 } }]`,
	"exact-missing":         `filters: [{ exact: { cluster: eu } }]`,
	"exact-line-break":      `filters: [{ exact: { note: "first line second: line" } }]`,
	"exact-line-break-raw":  `filters: [{ exact: { note: "first line\nsecond: line\n" } }]`,
	"exact-padded":          `filters: [{ exact: { padded: padded } }]`,
	"exact-padded-raw":      `filters: [{ exact: { padded: "   padded " } }]`,
	"exact-other-scripts":   `filters: [{ exact: { chinese: 磁盘已满, arabic: "القرص ممتلئ", emoji: "🔥🧯👩🏽‍🚒", team: équipe } }]`,
	"exact-subject":         `filters: [{ prefix: { subject: Dialects/ } }]`,
	"prefix":                `filters: [{ prefix: { pod: back } }]`,
	"prefix-of-long":        `filters: [{ prefix: { long: "` + strings.Repeat("x", 1024) + `" } }]`,
	"prefix-of-long-raw":    `filters: [{ prefix: { long: "` + strings.Repeat("x", 1025) + `" } }]`,
	"suffix":                `filters: [{ suffix: { type: .firing, pod: "-1" } }]`,
	"suffix-of-wide":        `filters: [{ suffix: { wide: 満満 } }]`,
	"all":                   `filters: [{ all: [{ exact: { severity: page } }, { prefix: { pod: back } }] }]`,
	"all-but-one":           `filters: [{ all: [{ exact: { severity: page } }, { prefix: { pod: front } }] }]`,
	"any":                   `filters: [{ any: [{ exact: { severity: critical } }, { prefix: { pod: back } }] }]`,
	"any-of-one":            `filters: [{ any: [{ exact: { severity: critical } }] }]`,
	"not":                   `filters: [{ not: { exact: { severity: critical } } }]`,
	"not-missing":           `filters: [{ not: { exact: { cluster: eu } } }]`,
	"nested":                `filters: [{ any: [{ not: { suffix: { pod: "-1" } } }, { all: [{ exact: { labelid: i } }, { cesql: EXISTS label5xx }] }] }]`,
	"several":               `filters: [{ prefix: { type: io.prometheus. } }, { exact: { severity: page } }, { cesql: "INT(number) > 41" }]`,
	"cesql":                 `filters: [{ cesql: "severity = 'critical' OR pod LIKE 'backend-_'" }]`,
	"cesql-in":              `filters: [{ cesql: "severity IN ('page', 'none')" }]`,
	"cesql-exists":          `filters: [{ cesql: "EXISTS number" }]`,
	"cesql-missing-not":     `filters: [{ cesql: "NOT (cluster = 'eu')" }]`,
	"cesql-length":          `filters: [{ cesql: "LENGTH(long) = 1024" }]`,
	"cesql-other-script":    `filters: [{ cesql: "chinese LIKE '%已满'" }]`,
	"cesql-reserved":        `filters: [{ cesql: "labelnot = 'n' AND labelaction = 'a'" }]`,
	"cesql-no-boolean":      `filters: [{ cesql: severity }]`, // Knative's filter panics on it
}

// Triggers of every dialect, alerts of several kinds: each Trigger's subscriber gets what knative/trigger says that it gets.
func TestTriggerOfEachDialectCatchesWhatKnativeTriggerSays(t *testing.T) {
	run := "dialects-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	file := filepath.Join(t.TempDir(), "triggers.yaml")
	texts := dialectTriggers(run)
	if err := os.WriteFile(file, []byte(strings.Join(texts, "---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	triggers, err := trigger.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	putTriggers(t, texts...)

	alerts := map[string]map[string]string{
		"whole": wholeLabels("Dialects", run),
		"page":  {"alertname": "Dialects", "namespace": run, "severity": "page", "pod": "backend-1", "number": "42"},
		"bare":  {"alertname": "Dialects", "namespace": run},
	}
	for _, labels := range alerts {
		fire(t, posted{Labels: labels}, alertmanagers[0])
	}
	for _, labels := range alerts {
		delete(labels, "empty") // Alertmanager leaves it out
		awaitNotified(t, alertmanagers[0], labels)
	}

	events := eventsOf(t, alerts, "dialects/"+run+"/no-filter")
	caught := map[bool]int{}
	for _, tr := range triggers {
		name := strings.TrimPrefix(tr.Name, run+"-")
		got, err := recorded(t.Context(), "dialects/"+run+"/"+name)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range slices.Sorted(maps.Keys(events)) {
			matched, problem := tr.Filter.Match(t.Context(), events[kind])
			caught[matched]++
			want := map[bool]int{true: 1}[matched]
			if n := deliveries(got, events[kind].ID()); n != want {
				t.Errorf("%s: the alert %q came %d times, but knative/trigger says %v (%v): %s", name, kind, n, matched, problem, dialects[name])
			}
		}
	}
	t.Logf("%d Triggers, %d alerts: %d deliveries, %d times nothing", len(triggers), len(events), caught[true], caught[false])
	if caught[true] == 0 || caught[false] == 0 {
		t.Error("the table shows nothing")
	}
}

// dialectTriggers are the Triggers of the table, each with a box of its own.
func dialectTriggers(run string) (texts []string) {
	for _, name := range slices.Sorted(maps.Keys(dialects)) {
		texts = append(texts, fmt.Sprintf(`apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: %[1]s-%[2]s, namespace: quench }
spec: { broker: default, subscriber: { uri: "http://recorder.e2e.svc.cluster.local/dialects/%[1]s/%[2]s" }, delivery: { retry: 1, backoffDelay: PT0.5S }, %[3]s }
`, run, name, dialects[name]))
	}
	return texts
}

// eventsOf are the alerts' events as the adapter makes them, by the alerts' names. Their times are read from the deliveries
// to a Trigger that catches all.
func eventsOf(t testing.TB, alerts map[string]map[string]string, box string) map[string]event.Event {
	t.Helper()
	got, err := recorded(t.Context(), box)
	if err != nil {
		t.Fatal(err)
	}
	events := map[string]event.Event{}
	for name, labels := range alerts {
		for _, r := range got {
			if r.attribute(alert.AttrFingerprint) == fingerprint(labels) {
				events[name] = encoded(t, asEvent(t, r))
			}
		}
		if _, ok := events[name]; !ok {
			t.Fatalf("the alert %q has not come to the Trigger that catches all: %d others have", name, len(got))
		}
	}
	return events
}

// deliveries counts those of an event.
func deliveries(requests []request, id string) (n int) {
	for _, r := range requests {
		if r.attribute("id") == id {
			n++
		}
	}
	return n
}
