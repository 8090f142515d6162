package cases_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/cases"
)

const triggers = `apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: rollback, namespace: quench }
spec:
  broker: default
  filters: [{ prefix: { type: io.prometheus.alertmanager.alert. } }, { exact: { remediation: rollback } }, { exact: { podname: web-1 } }]
  subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: rollback } }
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: firing, namespace: quench }
spec:
  broker: default
  filters: [{ suffix: { type: .firing } }]
  subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: other } }
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: broken, namespace: quench }
spec:
  broker: default
  filters: [{ cesql: team }]
  subscriber: { ref: { apiVersion: serving.knative.dev/v1, kind: Service, name: other } }
`

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T) []*trigger.Trigger {
	t.Helper()
	loaded, err := trigger.Load(write(t, "triggers.yaml", triggers))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func run(t *testing.T, text string) (*cases.Report, error) {
	t.Helper()
	f, err := cases.Read(write(t, "cases.yaml", text))
	if err != nil {
		t.Fatal(err)
	}
	runner := cases.NewRunner(load(t))
	err = runner.Run(t.Context(), f)
	return runner.Report(), err
}

func TestRun(t *testing.T) {
	const alert = "alert: { labels: { alertname: A, remediation: rollback, pod_name: web-1 } }"
	payload, err := filepath.Abs("../../../tests/payloads/firing.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text string
		want string // what is wrong, Trigger by Trigger
	}{
		"as expected":         {alert + ", fire: [rollback, quench/firing], not: []", ""},
		"fires, and should":   {alert + ", only: [rollback, firing]", ""},
		"fires not":           {"alert: { labels: { alertname: A } }, fire: [rollback]", "quench/rollback does not fire, and should"},
		"fires":               {alert + ", not: [rollback]", "quench/rollback fires, and should not"},
		"one too many":        {alert + ", only: [rollback]", "quench/firing fires, and should not"},
		"none":                {"alert: { status: resolved, labels: { alertname: A } }, only: []", ""},
		"panics":              {"alert: { status: resolved, labels: { alertname: A, team: x } }, not: [broken]", "quench/broken fails on this event, and delivers nothing"},
		"payload, each alert": {"payload: " + payload + ", fire: [rollback]", "quench/rollback does not fire, and should; quench/rollback does not fire, and should"},
		"payload":             {"payload: " + payload + ", fire: [firing]", ""},
		"event":               {"event: { type: dev.quench.action.failed, remediation: rollback }, only: []", ""},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := run(t, "tests:\n- { name: x, "+tc.text+" }\n")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range report.Results[0].Problems {
				got = append(got, p.Trigger+" "+p.Says)
			}
			if strings.Join(got, "; ") != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAdapterSettings(t *testing.T) {
	const settings = "adapter: { clusterName: prod eu, labelAttributes: 'k8s.io/app=app', groupEvents: true, extensions: { site: a } }\n"
	f, err := cases.Read(write(t, "cases.yaml", settings+"tests: [{ name: x, alert: { labels: { alertname: A } }, only: [] }]"))
	if err != nil {
		t.Fatal(err)
	}
	samples, err := f.Adapter.Event(cases.Alert{Labels: map[string]string{"alertname": "A", "k8s.io/app": "shop"}, Receiver: "ops"})
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != 2 || samples[1].Event.Type() != "io.prometheus.alertmanager.group.firing" {
		t.Fatalf("made %v, want the alert and its group", samples)
	}
	e := samples[0].Event
	for name, want := range map[string]string{"app": "shop", "receiver": "ops", "site": "a", "alertname": "A"} {
		if e.Extensions()[name] != want {
			t.Errorf("%s is %v, want %s", name, e.Extensions()[name], want)
		}
	}
	if e.Source() != "/alertmanager/prod%20eu" || e.Type() != "io.prometheus.alertmanager.alert.firing" || e.Extensions()["fingerprint"] == nil {
		t.Errorf("made %s", e)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown field":    {"tests:\n- name: x\n  alert: { labels: { a: b } }\n  fires: [y]\n", "line 4: field fires not found"},
		"not YAML":         {"tests: [\n", "line"},
		"wrong type":       {"tests:\n- name: x\n  fire: y\n  alert: {}\n", "line 3: cannot unmarshal !!str `y` into []string"},
		"no tests":         {"triggers: [x]\n", "tests: missing"},
		"empty":            {"", "tests: missing"},
		"no name":          {"tests:\n- only: []\n  event: { type: x }\n", "cases.yaml:2: tests[0]: name: missing"},
		"two kinds":        {"tests:\n- { name: x, payload: a.json, alert: { labels: { a: b } }, only: [] }\n", "want one of payload, alert and event"},
		"no kind":          {"tests:\n- { name: x, only: [] }\n", "want one of payload, alert and event"},
		"only and fire":    {"tests:\n- { name: x, event: { type: x }, only: [], fire: [y] }\n", "only says it all"},
		"nothing expected": {"\ntests:\n- { name: x, event: { type: x } }\n", `cases.yaml:3: tests[0]: "x": want fire, not or only`},
		"status":           {"tests:\n- { name: x, alert: { status: on, labels: { a: b } }, only: [] }\n", `alert.status: got "on", want firing or resolved`},
		"twice":            {"tests:\n- { name: x, event: { type: x }, only: [] }\n- { name: x, event: { type: x }, only: [] }\n", `cases.yaml:3: tests[1].name: "x" is already at line 2`},
		"a time":           {"tests:\n- name: x\n  only: []\n  alert: { labels: { a: b }, startsAt: yesterday }\n", `line 4: got "yesterday", want a time like`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cases.Read(write(t, "cases.yaml", tc.text))
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "cases.Case") {
				t.Errorf("error %v does not say %q", err, tc.want)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown Trigger":  {"alert: { labels: { a: b } }, fire: [rolback]", `cases.yaml:2: "x": fire: there is no Trigger rolback; want one of quench/rollback, quench/firing, quench/broken`},
		"unknown, in not":  {"alert: { labels: { a: b } }, not: [x]", "not: there is no Trigger x"},
		"both":             {"alert: { labels: { a: b } }, not: [firing], fire: [firing]", "firing is in fire and in not"},
		"no labels":        {"alert: {}, only: []", "alerts[0].labels: missing"},
		"no type":          {"event: { source: /x }, only: []", "event.type: missing"},
		"attribute name":   {"event: { type: x, pod_name: y }, only: []", "pod_name"},
		"time":             {"event: { type: x, time: now }, only: []", "event.time: got \"now\", want a time like"},
		"no such payload":  {"payload: gone.json, only: []", "gone.json: no such file"},
		"no webhook":       {"payload: cases.yaml, only: []", "not JSON"},
		"adapter's labels": {"alert: { labels: { a: b } }, only: [] }\nadapter: { labelAttributes: 'a=id'", `labelAttributes: "a=id"`}, // the brace that closes is the adapter's
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, "tests:\n- { name: x, "+tc.text+" }\n")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not say %q", err, tc.want)
			}
		})
	}
}

const three = `tests:
- { name: good, alert: { labels: { alertname: A } }, only: [firing] }
- { name: "bad <&>", alert: { labels: { alertname: A, remediation: rollback } }, fire: [rollback] }
`

func TestReportForPeople(t *testing.T) {
	report, err := run(t, three)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	report.Text(&out)
	for _, want := range []string{
		"ok    good\n", "FAIL  bad <&> (", "cases.yaml:3)\n", "quench/rollback (", "does not fire, and should: A firing\n",
		`✗ podname = "web-1"  — it is missing  ← the first that says no`, "2 tests, 1 failed\n", "coverage: 1 of 3 Triggers (33%)\n",
		"no test reaches quench/rollback (", "triggers.yaml:1)\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
}

func TestReportForPrograms(t *testing.T) {
	report, err := run(t, three)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var read cases.Report
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if read.Failed() != 1 || len(read.Unreached) != 2 || read.Results[1].Problems[0].Why.Says != trigger.No {
		t.Errorf("read back %+v", read)
	}

	out.Reset()
	if err := report.JUnit(&out); err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal(out.Bytes(), &suite); err != nil {
		t.Fatal(err)
	}
	if suite.Tests != 2 || suite.Failures != 1 || suite.Cases[0].Failure != nil || suite.Cases[1].Name != "bad <&>" ||
		!strings.Contains(suite.Cases[1].Failure.Text, "podname") {
		t.Errorf("read back %+v of\n%s", suite, out.String())
	}
}

func TestFind(t *testing.T) {
	all := load(t)
	if found, err := cases.Find(all, "quench/firing"); err != nil || found.Name != "firing" {
		t.Errorf("found %v, %v", found, err)
	}
	other := *all[0]
	other.Trigger = all[0].DeepCopy()
	other.Namespace = "shop"
	if _, err := cases.Find(append(all, &other), "rollback"); err == nil || !strings.Contains(err.Error(), "several Triggers rollback") {
		t.Errorf("error %v", err)
	}
	if found, err := cases.Find(append(all, &other), "shop/rollback"); err != nil || found.Namespace != "shop" {
		t.Errorf("found %v, %v", found, err)
	}
}
