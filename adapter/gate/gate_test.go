package gate_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The answers are, word by word, those of prometheus-alert-readiness where one alert fires.
func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		variable string
		answer   http.HandlerFunc
		code     int
		body     string
	}{
		"Prometheus: firing counts, pending does not": {
			"PROMETHEUS_ENDPOINT", file(t, "prometheus.json"), 503,
			"not ok, err:\nThe Prometheus alert is firing: {alertname=\"Down\", severity=\"critical\"}\n",
		},
		"Alertmanager: what is silenced or inhibited does not count": {
			"ALERTMANAGER_ENDPOINT", file(t, "alertmanager.json"), 503,
			"not ok, err:\nThe Alertmanager alert is firing: {alertname=\"Down\", severity=\"critical\"}\n",
		},
		"every one is named, once, in an order": {
			"PROMETHEUS_ENDPOINT", firing(`alertname="B",severity="warning"`, `alertname="A",severity="critical"`, `alertname="B",severity="warning"`), 503,
			"not ok, err:\nThe Prometheus alert is firing: {alertname=\"A\", severity=\"critical\"}\nThe Prometheus alert is firing: {alertname=\"B\", severity=\"warning\"}\n",
		},
		"Prometheus has none":         {"PROMETHEUS_ENDPOINT", firing(), 200, "ok\n"},
		"none, as null":               {"PROMETHEUS_ENDPOINT", text(`{"status":"success","data":{"alerts":null}}`), 200, "ok\n"},
		"Alertmanager has none":       {"ALERTMANAGER_ENDPOINT", text("[]\n"), 200, "ok\n"},
		"another severity":            {"PROMETHEUS_ENDPOINT", firing(`alertname="A",severity="info"`, `alertname="Watchdog",severity="none"`), 200, "ok\n"},
		"no severity":                 {"PROMETHEUS_ENDPOINT", firing(`alertname="A"`), 200, "ok\n"},
		"a value with a line's end":   {"PROMETHEUS_ENDPOINT", firing(`alertname="A",severity="warning",note="a\nb"`), 503, "not ok, err:\nThe Prometheus alert is firing: {alertname=\"A\", note=\"a\\nb\", severity=\"warning\"}\n"},
		"an alert that has just come": {"ALERTMANAGER_ENDPOINT", text(`[{"labels":{"alertname":"A","severity":"warning"},"status":{"state":"unprocessed"}}]`), 503, "not ok, err:\nThe Alertmanager alert is firing: {alertname=\"A\", severity=\"warning\"}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, map[string]string{test.variable: standIn(t, test.answer)})
			for _, method := range []string{http.MethodGet, http.MethodPost} { // the old one did not look
				req, err := http.NewRequestWithContext(t.Context(), method, w.url+"/ready", nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != test.code || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
					t.Errorf("%s: %d %s", method, resp.StatusCode, resp.Header.Get("Content-Type"))
				}
			}
			if code, body := w.get(t, "/ready"); code != test.code || body != test.body {
				t.Errorf("%d %q, want %d %q", code, body, test.code, test.body)
			}
		})
	}
}

// What is asked, and where: a prefix and a query of the endpoint's stay.
func TestWhatIsAsked(t *testing.T) {
	for variable, want := range map[string]string{
		"PROMETHEUS_ENDPOINT":   "GET /prefix/api/v1/alerts tenant=a",
		"ALERTMANAGER_ENDPOINT": "GET /prefix/api/v2/alerts active=true&inhibited=false&silenced=false&tenant=a&unprocessed=true",
	} {
		asked := make(chan string, 1)
		endpoint := standIn(t, func(w http.ResponseWriter, r *http.Request) {
			asked <- r.Method + " " + r.URL.Path + " " + r.URL.RawQuery
			w.WriteHeader(http.StatusTeapot)
		})
		t.Run(variable, func(t *testing.T) {
			start(t, map[string]string{variable: endpoint + "/prefix/?tenant=a"}).notReady(t, "418", endpoint+"/prefix/: ")
			if got := <-asked; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestWhatIsNoWholeAnswerIsNotReady(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	hangs := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	}
	for name, test := range map[string]struct {
		prometheus string
		says       string
	}{
		"it is away":                {gone.URL, "connection refused"},
		"it starts":                 {standIn(t, status(503, "Service Unavailable")), "it answers 503 Service Unavailable"},
		"it fails":                  {standIn(t, status(500, `{"status":"error","errorType":"internal","error":"<broken>"}`)), "<broken>"},
		"it wants a password":       {standIn(t, status(401, "")), "it answers 401 Unauthorized"},
		"it is something else":      {standIn(t, text("<html><body>Please log in")), `not that of /api/v1/alerts: invalid character '<'`},
		"it says error":             {standIn(t, text(`{"status":"error","errorType":"bad_data","error":"no\nway"}`)), `status "error", bad_data: no way`},
		"it says nothing":           {standIn(t, text("")), "unexpected end of JSON input"},
		"it says too much":          {standIn(t, text(`{"status":"success","data":{"alerts":[]}} []`)), "after top-level value"},
		"it has another API":        {standIn(t, text(`{"status":"success","data":{"groups":[]}}`)), "it has no data.alerts"},
		"it is an Alertmanager":     {standIn(t, text(`[]`)), "cannot unmarshal array"},
		"it has no list":            {standIn(t, text(`{"status":"success","data":{"alerts":{}}}`)), "data.alerts: "},
		"it has a state of its own": {standIn(t, text(`{"status":"success","data":{"alerts":[{"labels":{},"state":"Alerting"}]}}`)), `data.alerts[0].state is "Alerting"`},
		"it is endless":             {standIn(t, endless), "larger than 16 MiB"},
		"it breaks off":             {standIn(t, broken), "unexpected EOF"},
		"it leads in a circle":      {standIn(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }), "stopped after 10 redirects"},
		"it does not answer":        {standIn(t, hangs), "no whole answer within 500ms"},
		"it does not end": {standIn(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"status":`))
			_ = http.NewResponseController(w).Flush()
			hangs(w, r)
		}), "no whole answer within 500ms"},
	} {
		t.Run(name, func(t *testing.T) {
			environment := map[string]string{"PROMETHEUS_ENDPOINT": test.prometheus}
			if strings.Contains(test.says, "500ms") {
				environment["PROMETHEUS_API_TIMEOUT"] = "500ms"
			} else {
				environment["PROMETHEUS_API_TIMEOUT"] = "60" // a slow machine's answer still comes
			}
			w := start(t, environment)
			begun := time.Now()
			body := w.notReady(t, "Prometheus cannot be asked at "+test.prometheus+": ", test.says)
			if strings.Count(body, "\n") != 2 || len(body) > 1000 {
				t.Errorf("%q is not one line, and short", body)
			}
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
			if code, body := w.get(t, "/live"); code != http.StatusOK || body != "ok\n" {
				t.Errorf("liveness: %d %q", code, body)
			}
		})
	}
	t.Run("null of an Alertmanager", func(t *testing.T) {
		start(t, map[string]string{"ALERTMANAGER_ENDPOINT": standIn(t, text("null"))}).notReady(t, "it is null, want a list")
	})
}

// Several: each has to answer, and none may have an alert.
func TestSeveralEndpoints(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	none, down := standIn(t, firing()), standIn(t, file(t, "prometheus.json"))
	for name, test := range map[string]struct {
		endpoints []string
		want      []string // of the answer's lines; none: ready
	}{
		"all say no":      {[]string{none, none}, nil},
		"one says yes":    {[]string{none, down}, []string{`The Prometheus alert is firing: {alertname="Down"`}},
		"both say it":     {[]string{down, down}, []string{`The Prometheus alert is firing: {alertname="Down"`}},
		"one is away":     {[]string{none, gone.URL}, []string{"Prometheus cannot be asked at " + gone.URL}},
		"one of each":     {[]string{gone.URL, none, down}, []string{`The Prometheus alert is firing: {alertname="Down"`, "Prometheus cannot be asked at " + gone.URL}},
		"blanks are none": {[]string{" " + none + " ", ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, map[string]string{"PROMETHEUS_ENDPOINT": strings.Join(test.endpoints, ",")})
			if len(test.want) == 0 {
				w.ready(t)
				return
			}
			lines := strings.Split(strings.TrimSpace(w.notReady(t)), "\n")[1:]
			if len(lines) != len(test.want) {
				t.Fatalf("%d lines: %q", len(lines), lines)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %d is %q, want %q", i, lines[i], want)
				}
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	w := start(t, map[string]string{"PROMETHEUS_ENDPOINT": standIn(t, file(t, "prometheus.json"))})
	if _, before := w.get(t, "/metrics"); !strings.Contains(before, `quench_gate_probes_total{code="503"} 0`) || !strings.Contains(before, `outcome="failed"} 0`) {
		t.Errorf("before the first probe:\n%s", before)
	}
	w.notReady(t)
	_, after := w.get(t, "/metrics")
	for _, want := range []string{
		"quench_gate_ready 0", "quench_gate_firing_alerts 1", `quench_gate_probes_total{code="503"} 1`, `quench_gate_probes_total{code="200"} 0`,
		`outcome="answered"} 1`, "quench_gate_question_duration_seconds_count{endpoint=", `quench_build_info{`,
	} {
		if !strings.Contains(after, want) {
			t.Errorf("no %s in\n%s", want, after)
		}
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, body, code) }
}

// endless begins well.
func endless(w http.ResponseWriter, r *http.Request) {
	_, err := fmt.Fprint(w, `{"status":"success","data":{"alerts":[`)
	for one := []byte(strings.Repeat(`{"labels":{},"state":"pending"},`, 1000)); err == nil; {
		_, err = w.Write(one)
	}
}

func broken(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"status":"success","data":{"alerts":[]}}`))
}
