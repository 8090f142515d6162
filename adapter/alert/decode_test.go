package alert

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const podAlert = `{"status":"firing","labels":{"alertname":"KubePodCrashLooping","namespace":"shop","pod":"nginx-1"},` +
	`"annotations":{"summary":"s"},"startsAt":"2026-11-20T22:00:00.123456789+02:00","endsAt":"0001-01-01T00:00:00Z",` +
	`"generatorURL":"http://prometheus.example/graph","fingerprint":"c0ffee0123456789"}`

func webhook(alerts ...string) []byte {
	return fmt.Appendf(nil, `{"receiver":"quench","status":"firing","alerts":[%s],"groupLabels":{"alertname":"KubePodCrashLooping"},`+
		`"commonLabels":{},"commonAnnotations":{},"externalURL":"http://alertmanager.example:9093","version":"4","groupKey":"{}:{}","truncatedAlerts":3,"new":[1.50,2]}`,
		strings.Join(alerts, ","))
}

func TestDecode(t *testing.T) {
	p, err := Decode(webhook(podAlert))
	if err != nil {
		t.Fatal(err)
	}
	a := p.Alerts[0]
	if a.Name() != "KubePodCrashLooping" || a.Status != Firing || a.Labels["pod"] != "nginx-1" || a.Annotations["summary"] != "s" ||
		!a.EndsAt.IsZero() || a.GeneratorURL != "http://prometheus.example/graph" || a.Fingerprint != "c0ffee0123456789" ||
		!a.StartsAt.Equal(time.Date(2026, 11, 20, 20, 0, 0, 123456789, time.UTC)) {
		t.Errorf("alert: %+v", a)
	}
	if g := a.Group; g != p.Group || g.Receiver != "quench" || g.TruncatedAlerts != 3 || g.Version != "4" || g.GroupLabels["alertname"] != "KubePodCrashLooping" {
		t.Errorf("group: %+v", g)
	}
	want := podAlert[:len(podAlert)-1] + `,"group":`
	if data := string(a.Data()); !strings.HasPrefix(data, want) || !strings.Contains(data, `"new":[1.50,2]`) || strings.Contains(data, `"alerts"`) {
		t.Errorf("data: %s", data)
	}
}

func TestDecodeNoAlerts(t *testing.T) {
	p, err := Decode(webhook())
	if err != nil || len(p.Alerts) != 0 {
		t.Fatalf("%v, %v", p, err)
	}
}

func TestDecodeComputesAMissingFingerprint(t *testing.T) {
	p, err := Decode(webhook(strings.Replace(podAlert, `,"fingerprint":"c0ffee0123456789"`, "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Alerts[0].Fingerprint; got != labelFingerprint(p.Alerts[0].Labels) || len(got) != 16 {
		t.Errorf("fingerprint %q", got)
	}
}

func TestDecodeNamesTheField(t *testing.T) {
	change := func(old, with string) string {
		if !strings.Contains(podAlert, old) {
			t.Fatalf("no %s", old)
		}
		return strings.Replace(podAlert, old, with, 1)
	}
	for name, tc := range map[string]struct{ body, field, problem string }{
		"empty":                {"", "", "not JSON"},
		"not JSON":             {"alert!", "", "not JSON"},
		"trailing text":        {string(webhook(podAlert)) + "x", "", "not JSON"},
		"an array":             {"[]", "", "got an array, want a JSON object"},
		"null":                 {"null", "alerts", "missing"},
		"no alerts":            {`{"status":"firing"}`, "alerts", "missing"},
		"name in other case":   {`{"Alerts":[]}`, "alerts", "missing"},
		"alerts not a list":    {`{"alerts":{}}`, "alerts", "got an object, want an array"},
		"alert not an object":  {`{"alerts":["x"]}`, "alerts[0]", "want a JSON object"},
		"second alert":         {string(webhook(podAlert, `{"status":"firing"}`)), "alerts[1].labels", "missing"},
		"no status":            {string(webhook(change(`"status":"firing",`, ""))), "alerts[0].status", "missing"},
		"other status":         {string(webhook(change(`"firing"`, `"pending"`))), "alerts[0].status", `got "pending", want "firing" or "resolved"`},
		"status a number":      {string(webhook(change(`"firing"`, `1`))), "alerts[0].status", "got a number, want a string"},
		"no labels":            {string(webhook(change(`"labels"`, `"other"`))), "alerts[0].labels", "missing"},
		"label a number":       {string(webhook(change(`"nginx-1"`, `1`))), "alerts[0].labels.pod", "got a number, want a string"},
		"label with a dot":     {string(webhook(change(`"pod":"nginx-1"`, `"k8s.io/pod":true`))), `alerts[0].labels["k8s.io/pod"]`, "got a boolean"},
		"label twice":          {string(webhook(change(`"pod"`, `"namespace"`))), "alerts[0].labels.namespace", "duplicate"},
		"annotations a string": {string(webhook(change(`{"summary":"s"}`, `"s"`))), "alerts[0].annotations", "want an object of names and strings"},
		"no startsAt":          {string(webhook(change(`"startsAt"`, `"starts"`))), "alerts[0].startsAt", "missing"},
		"startsAt no time":     {string(webhook(change(`2026-11-20T22:00:00.123456789+02:00`, `yesterday`))), "alerts[0].startsAt", `got "yesterday", want a time like`},
		"startsAt too late":    {string(webhook(change(`2026-11-20T22:00:00.123456789+02:00`, `9999-12-31T23:59:59-01:00`))), "alerts[0].startsAt", "years 1 to 9999"},
		"endsAt a number":      {string(webhook(change(`"0001-01-01T00:00:00Z"`, `5`))), "alerts[0].endsAt", "want a time like"},
		"group taken":          {string(webhook(change(`"status"`, `"group":{},"status"`))), "alerts[0].group", "taken"},
		"receiver a number":    {`{"alerts":[],"receiver":7}`, "receiver", "got a number, want a string"},
		"truncated negative":   {`{"alerts":[],"truncatedAlerts":-1}`, "truncatedAlerts", "want a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(tc.body))
			var fe *FieldError
			if !errors.As(err, &fe) {
				t.Fatalf("got %v", err)
			}
			if fe.Field != tc.field || !strings.Contains(fe.Problem, tc.problem) {
				t.Errorf("got field %q, problem %q; want %q, %q", fe.Field, fe.Problem, tc.field, tc.problem)
			}
		})
	}
}
