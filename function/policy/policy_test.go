package policy

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

var known = []string{"command", "image-patcher", "job-runner", "rollback"}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"paused: maybe":                       "paused: got a string, want true or false",
		"pause: true":                         `there is no field "pause"; quench policy explain lists them`,
		"functions: {rolback: {}}":            "functions.rolback: no such function; want one of command, image-patcher, job-runner, rollback, or one that ownFunctions names",
		"ownFunctions: [rollback]":            `ownFunctions[0]: got "rollback", want the name of a function of your own`,
		"ownFunctions: ['']":                  `ownFunctions[0]: got "", want the name of a function of your own`,
		"defaults: {mode: watch}":             `defaults.mode: got "watch", want act, propose or dry-run`,
		"defaults: {coolDown: 10}":            "coolDown: got a number, want a duration such as 10m",
		"defaults: {coolDown: soon}":          `defaults.coolDown: got "soon", want a duration such as 10m`,
		"defaults: {maxPerHour: -1}":          "defaults.maxPerHour: got -1, want a whole number of at least 0",
		"defaults: {breaker: {failures: -2}}": "defaults.breaker.failures: got -2, want a whole number of at least 0",
		"defaults: {namespaces: ['[']}":       `defaults.namespaces[0]: got "[", want a namespace or a glob such as shop-*`,
		"defaults: {alerts: ['severity=']}":   `defaults.alerts[0]: got "severity=": `,
		"defaults: {alerts: ['']}":            `defaults.alerts[0]: got "": `,
		"functions: {rollback: {freezeWindows: [{schedule: '0 22 * *', duration: 8h}]}}":                                `functions.rollback.freezeWindows[0].schedule: got "0 22 * *", want five fields`,
		"functions: {rollback: {freezeWindows: [{schedule: '0 22 * * *', duration: 800h}]}}":                            `functions.rollback.freezeWindows[0].duration: got "800h", want a duration of at most 168h`,
		"functions: {rollback: {maintenanceWindows: [{schedule: '0 22 * * *', duration: 8h, timeZone: Mars/Olympus}]}}": `functions.rollback.maintenanceWindows[0].timeZone: got "Mars/Olympus", want a time zone such as Europe/Berlin`,
		"paused: true\npaused: false":   `key "paused" already set`,
		strings.Repeat("#", MaxBytes+1): "larger than 1 MiB",
	} {
		_, err := Parse("policy.yaml", []byte(text), known)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "policy.yaml: ") {
			t.Errorf("%.80s: got %v, want %q", text, err, want)
		}
	}
}

func parsed(t *testing.T, text string) *Policy {
	t.Helper()
	p, err := Parse("policy.yaml", []byte(text), known)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func reason(r *Refusal) string {
	if r == nil {
		return ""
	}
	return r.Reason
}

func TestFunctionsFieldsTakeThePlaceOfDefaults(t *testing.T) {
	p := parsed(t, "defaults: {coolDown: 10m, maxPerHour: 5, protectedNamespaces: [secret]}\nfunctions: {job-runner: {coolDown: 0s, namespaces: [a]}}")
	if r := p.For("job-runner"); r.CoolDown != 0 || r.MaxPerHour != 5 || reason(r.AdmitNamespace("secret")) != ReasonProtected || reason(r.AdmitNamespace("b")) != ReasonNamespace {
		t.Errorf("job-runner: %+v", r)
	}
	if r := p.For("rollback"); r.CoolDown != 10*time.Minute || r.AdmitNamespace("b") != nil || r.AdmitNamespace("kube-system") != nil {
		t.Errorf("rollback: %+v", r)
	}
}

// A function of one's own reads the same policy as quench's: neither stumbles over
// what is said of the other.
func TestFunctionsOfOnesOwn(t *testing.T) {
	text := "ownFunctions: [restart]\nfunctions: {restart: {coolDown: 1h}, rollback: {coolDown: 2h}}"
	everyones := parsed(t, text)
	restarts, err := Parse("policy.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Policy{everyones, restarts} {
		if p.For("restart").CoolDown != time.Hour || p.For("rollback").CoolDown != 2*time.Hour || len(p.Own()) != 1 {
			t.Errorf("%+v", p)
		}
	}
}

func TestNoPolicyProtectsWhatIsKubernetes(t *testing.T) {
	var none *Policy
	r := none.For("rollback")
	if r.Admit(nil, time.Now()) != nil || r.AdmitNamespace("shop") != nil || reason(r.AdmitNamespace("kube-system")) != ReasonProtected ||
		reason(r.AdmitManaged("gitops", "x")) != ReasonManagedElsewhere {
		t.Errorf("%+v", r)
	}
}

func TestAlertsThatMayStartIt(t *testing.T) {
	r := parsed(t, `defaults: {alerts: ['alertname=~"Kube.+",severity!="info"', '{team="shop"}']}`).For("rollback")
	for _, test := range []struct {
		labels map[string]string
		want   string
	}{
		{map[string]string{"alertname": "KubePodCrashLooping", "severity": "critical"}, ""},
		{map[string]string{"alertname": "KubePodCrashLooping"}, ""},
		{map[string]string{"alertname": "KubePodCrashLooping", "severity": "info"}, ReasonAlertNotAllowed},
		{map[string]string{"alertname": "NotKube"}, ReasonAlertNotAllowed}, // anchored, as in Alertmanager
		{map[string]string{"alertname": "Other", "team": "shop"}, ""},
	} {
		if got := reason(r.Admit(test.labels, time.Now())); got != test.want {
			t.Errorf("%v: got %q, want %q", test.labels, got, test.want)
		}
	}
}

func TestWindows(t *testing.T) {
	p := parsed(t, `
defaults:
  maintenanceWindows: [{schedule: "0 22 * * *", duration: 8h, timeZone: Europe/Berlin}]
  freezeWindows: [{schedule: "0 0 24 12 *", duration: 72h}]
`)
	for at, want := range map[string]string{
		"2026-11-20T20:59:59Z": ReasonOutsideWindow, // 21:59:59 in Berlin
		"2026-11-20T21:00:00Z": "",
		"2026-11-21T04:59:59Z": "",
		"2026-11-21T05:00:00Z": ReasonOutsideWindow,
		"2026-07-20T20:30:00Z": "", // summer time
		"2026-12-23T23:30:00Z": "",
		"2026-12-24T00:00:00Z": ReasonFrozen,
		"2026-12-26T23:59:59Z": ReasonFrozen,
		"2026-12-27T00:00:00Z": "",
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := reason(p.For("rollback").Admit(nil, now)); got != want {
			t.Errorf("%s: got %q, want %q", at, got, want)
		}
	}
}

func TestWindowSaysWhenTheNextBegins(t *testing.T) {
	p := parsed(t, `defaults: {maintenanceWindows: [{schedule: "0 22 * * 6", duration: 1h}, {schedule: "0 3 * * *", duration: 1h}]}`)
	r := p.For("rollback").Admit(nil, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	if r == nil || !strings.Contains(r.Message, "2026-11-21T03:00:00Z") {
		t.Errorf("got %+v", r)
	}
}

func TestShippedPolicyParses(t *testing.T) {
	text, err := os.ReadFile("../../knative/base/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := parsed(t, string(text)).For("rollback")
	if !r.Enabled || r.Mode != Act || r.CoolDown == 0 || r.MaxPerHour == 0 || r.Breaker.Failures == 0 {
		t.Errorf("%+v", r)
	}
}

func TestEveryFieldIsExplained(t *testing.T) {
	for _, f := range Fields() {
		if f.Meaning == "" || f.Want == "" {
			t.Errorf("%+v", f)
		}
	}
	var b bytes.Buffer
	if err := Explain(&b, "defaults.breaker"); err != nil || strings.Count(b.String(), "\n") != 6 {
		t.Errorf("%v\n%s", err, &b)
	}
	if err := Explain(&b, "defaults.brake"); err == nil {
		t.Error("a field that is not there is explained")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("defaults: {alerts: ['a=b']}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse("policy.yaml", text, known)
		if (p == nil) != (err != nil) {
			t.Errorf("%v, %v", p, err)
		}
		p.For("rollback").Admit(nil, time.Now())
	})
}
