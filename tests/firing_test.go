package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
)

// A function asks a real Alertmanager whether an alert fires still, and is not silenced.
func TestStillFiring(t *testing.T) {
	am := startAlertmanager(t, "http://127.0.0.1:1/", time.Hour)
	firing := map[string]string{"alertname": `Disk "full"`, "host": "a"}
	silenced := map[string]string{"alertname": `Disk "full"`, "host": "b"}
	am.alert(t, time.Now().Add(-time.Minute), false, firing)
	am.alert(t, time.Now().Add(-time.Minute), false, silenced)
	am.silence(t, "host", "b")
	eventually(t, 30*time.Second, "the silence works", func() error {
		var body bytes.Buffer
		if err := get(t, am.url+"/api/v2/alerts?active=false", &body); err != nil {
			return err
		}
		if !strings.Contains(body.String(), `"suppressed"`) {
			return fmt.Errorf("it says %s", &body)
		}
		return nil
	})

	nobody := "http://" + freeAddress(t)
	for name, test := range map[string]struct {
		urls   []string
		labels map[string]string
		status alert.Status
		says   string // of the error; empty where it may be acted on
		skips  bool
	}{
		"it fires":                            {[]string{am.url}, firing, alert.Firing, "", false},
		"it is silenced":                      {[]string{am.url}, silenced, alert.Firing, "suppressed by a silence", true},
		"nobody knows it":                     {[]string{am.url}, map[string]string{"alertname": `Disk "full"`, "host": "c"}, alert.Firing, "does not fire any more", true},
		"it has resolved, which is not asked": {[]string{nobody}, firing, alert.Resolved, "", false},
		"one of two is away":                  {[]string{nobody, am.url}, firing, alert.Firing, "", false},
		"one is away, the other not sure":     {[]string{nobody, am.url}, map[string]string{"alertname": "Other"}, alert.Firing, "connection refused", false},
		"it is behind a path that is not":     {[]string{am.url + "/prefix"}, firing, alert.Firing, "404", false},
	} {
		t.Run(name, func(t *testing.T) {
			g := &function.StillFiring{Client: &http.Client{}}
			for _, text := range test.urls {
				u, err := url.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				g.URLs = append(g.URLs, *u)
			}
			a := &alert.Alert{Status: test.status, Labels: test.labels, Fingerprint: fingerprintOf(test.labels)}
			err := g.Admit(t.Context(), &function.Request{Alert: a})
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
			if err != nil && function.IsSkip(err) != test.skips {
				t.Errorf("%v: skips: %v, want %v", err, !test.skips, test.skips)
			}
		})
	}
}

// Of a group one alert that fires and is not silenced is enough.
func TestGroupStillFiring(t *testing.T) {
	am := startAlertmanager(t, "http://127.0.0.1:1/", time.Hour)
	of := func(hosts ...string) *alert.Payload {
		p := &alert.Payload{Group: &alert.Group{}}
		for _, host := range hosts {
			status := alert.Firing
			if strings.HasSuffix(host, "!") {
				host, status = strings.TrimSuffix(host, "!"), alert.Resolved
			}
			labels := map[string]string{"alertname": "Disk" + host, "host": host}
			p.Alerts = append(p.Alerts, &alert.Alert{Status: status, Labels: labels, Fingerprint: fingerprintOf(labels)})
		}
		return p
	}
	for _, a := range of("a", "b", "c").Alerts {
		am.alert(t, time.Now().Add(-time.Minute), false, a.Labels)
	}
	am.silence(t, "host", "b")
	u, err := url.Parse(am.url)
	if err != nil {
		t.Fatal(err)
	}
	g := &function.StillFiring{URLs: []url.URL{*u}, Client: &http.Client{}}
	ask := func(hosts ...string) string {
		p := of(hosts...)
		if err := g.Admit(t.Context(), &function.Request{Alert: p.Whole(), Payload: p}); err != nil {
			return err.Error()
		}
		return "admitted"
	}
	eventually(t, 30*time.Second, "the silence works", func() error {
		if says := ask("b"); !strings.Contains(says, "suppressed by a silence") {
			return fmt.Errorf("b: %s", says)
		}
		return nil
	})
	for hosts, want := range map[string]string{
		"a": "admitted", "b a": "admitted", "a b": "admitted", "b nobody": "suppressed by a silence", "nobody": "does not fire any more",
		"a! b": "suppressed by a silence", "a! nobody": "does not fire any more",
	} {
		if got := ask(strings.Fields(hosts)...); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", hosts, got, want)
		}
	}
}

// silence has Alertmanager notify nobody of alerts with this label.
func (am *alertmanager) silence(t *testing.T, label, value string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"matchers": []any{map[string]any{"name": label, "value": value, "isRegex": false, "isEqual": true}},
		"startsAt": time.Now().Format(time.RFC3339Nano), "endsAt": time.Now().Add(time.Hour).Format(time.RFC3339Nano),
		"createdBy": "test", "comment": "quiet",
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(am.url+"/api/v2/silences", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("post silence: %s", resp.Status)
	}
}

// fingerprintOf is Prometheus's of the labels.
func fingerprintOf(labels map[string]string) string {
	set := model.LabelSet{}
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.Fingerprint().String()
}
