package gate_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/gate"
	"github.com/quench-dev/quench/config"
)

func TestAlertsThatCount(t *testing.T) {
	alerts := firing(`alertname="Db",severity="critical",team="data"`, `alertname="Web",severity="warning",team="shop"`, `alertname="Old",severity="page"`)
	for name, test := range map[string]struct {
		environment map[string]string
		want        string // names of those that count
	}{
		"as it comes":                   {nil, "Db Web"},
		"one severity":                  {map[string]string{"PROMETHEUS_ALERT_SEVERITIES": "critical"}, "Db"},
		"blanks are trimmed":            {map[string]string{"PROMETHEUS_ALERT_SEVERITIES": " critical , page "}, "Db Old"},
		"nothing is the default":        {map[string]string{"PROMETHEUS_ALERT_SEVERITIES": " "}, "Db Web"},
		"a severity is no expression":   {map[string]string{"PROMETHEUS_ALERT_SEVERITIES": "critical|warning"}, ""},
		"matchers":                      {map[string]string{"ALERT_SELECT": `severity=~"critical|warning",team!="shop"`}, "Db"},
		"matchers in braces":            {map[string]string{"ALERT_SELECT": `{severity=~"critical|warning",team!="shop"}`}, "Db"},
		"matchers replace severities":   {map[string]string{"ALERT_SELECT": `severity="page"`}, "Old"},
		"an expression is of the whole": {map[string]string{"ALERT_SELECT": `severity=~"crit|pag."`}, "Old"},
		"no such label is an empty one": {map[string]string{"ALERT_SELECT": `team=""`}, "Old"},
		"one of two lines":              {map[string]string{"ALERT_SELECT": "alertname=\"Db\"\n\n  severity=\"page\"\n"}, "Db Old"},
		"but not these":                 {map[string]string{"ALERT_EXCLUDE": `team="data"`}, "Web"},
		"nor these":                     {map[string]string{"ALERT_EXCLUDE": "team=\"data\"\nteam=\"shop\",severity=\"warning\""}, ""},
		"all of a line":                 {map[string]string{"ALERT_EXCLUDE": `team="data",severity="warning"`}, "Db Web"},
		"excluded from what counts":     {map[string]string{"ALERT_SELECT": `alertname=~".+"`, "ALERT_EXCLUDE": `alertname!~"D.*"`}, "Db"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PROMETHEUS_ENDPOINT", standIn(t, alerts))
			w := start(t, test.environment)
			_, body := w.get(t, "/ready")
			var got []string
			for _, name := range []string{"Db", "Web", "Old"} {
				if strings.Contains(body, `alertname="`+name+`"`) {
					got = append(got, name)
				}
			}
			if strings.Join(got, " ") != test.want || (test.want == "") != (body == "ok\n") {
				t.Errorf("%q, want %q: %s", got, test.want, body)
			}
		})
	}
}

// Credentials and certificates are Prometheus' own client's to use; what is tested is that they reach it.
func TestHTTPClientConfig(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Header.Get("Authorization") != "Bearer geheim" && (user != "me" || password != "geheim") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		firing()(w, r)
	}))
	t.Cleanup(server.Close)
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	token := write(t, "token", "geheim")
	for name, test := range map[string]struct {
		config, says string
	}{
		"bearer token":                 {"authorization: { credentials: geheim }", ""},
		"bearer token of a file":       {"authorization: { credentials_file: " + token + " }", ""},
		"basic auth":                   {"basic_auth: { username: me, password: geheim }", ""},
		"basic auth, password of file": {"basic_auth: { username: me, password_file: " + token + " }", ""},
		"wrong password":               {"basic_auth: { username: me, password: falsch }", "401"},
		"a file that is not there":     {"authorization: { credentials_file: /nowhere }", "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, map[string]string{
				"PROMETHEUS_ENDPOINT":     server.URL,
				"HTTP_CLIENT_CONFIG_FILE": write(t, "http.yml", test.config+"\ntls_config: { ca_file: "+ca+" }\n"),
			})
			if test.says == "" {
				w.ready(t)
			} else {
				w.notReady(t, test.says)
			}
		})
	}
	t.Run("an authority that nobody knows", func(t *testing.T) {
		start(t, map[string]string{"PROMETHEUS_ENDPOINT": server.URL}).notReady(t, "certificate")
	})
	t.Run("a token that changes", func(t *testing.T) {
		changing := write(t, "token", "falsch")
		w := start(t, map[string]string{
			"PROMETHEUS_ENDPOINT":     server.URL,
			"HTTP_CLIENT_CONFIG_FILE": write(t, "http.yml", "authorization: { credentials_file: "+changing+" }\ntls_config: { ca_file: "+ca+" }\n"),
		})
		w.notReady(t, "401")
		if err := os.WriteFile(changing, []byte("geheim"), 0o600); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) { // an answer is shared for a second
			code, body := w.get(t, "/ready")
			if code == http.StatusOK {
				break
			}
			if time.Since(begun) > time.Minute {
				t.Fatalf("%d %s", code, body)
			}
		}
	})
}

// Whatever goes wrong, no password is told.
func TestSecretsAreNotTold(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, host := range map[string]string{"away": gone.URL, "refusing": standIn(t, status(401, "")), "in a circle": standIn(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://me:geheim@"+r.Host+"/?token=geheim", http.StatusFound)
	})} {
		t.Run(name, func(t *testing.T) {
			w := start(t, map[string]string{"PROMETHEUS_ENDPOINT": strings.Replace(host, "//", "//me:geheim@", 1) + "/?token=geheim"})
			body := w.notReady(t, host)
			_, metrics := w.get(t, "/metrics")
			for what, text := range map[string]string{"answer": body, "metrics": metrics, "log": w.log.String()} {
				if strings.Contains(text, "geheim") || !strings.Contains(text, strings.TrimPrefix(host, "http://")) {
					t.Errorf("the %s: %s", what, text)
				}
			}
		})
	}
}

// A mistake stops the start, and says where it is.
func TestMistakesStopTheStart(t *testing.T) {
	for name, test := range map[string]struct{ variable, value, says, never string }{
		"no matcher":                     {"ALERT_SELECT", "severity", `ALERT_SELECT="severity": `, ""},
		"no expression":                  {"ALERT_SELECT", `severity=~"("`, "ALERT_SELECT", ""},
		"other quotes":                   {"ALERT_SELECT", `team='x'`, "ALERT_SELECT", ""},
		"everything":                     {"ALERT_EXCLUDE", "{}", "there is no matcher in it", ""},
		"in the second line":             {"ALERT_EXCLUDE", "a=\"b\"\nc", `ALERT_EXCLUDE="c": `, ""},
		"no file":                        {"HTTP_CLIENT_CONFIG_FILE", "/nowhere", `HTTP_CLIENT_CONFIG_FILE="/nowhere": open /nowhere`, ""},
		"a field that is not":            {"HTTP_CLIENT_CONFIG_FILE", write(t, "a.yml", "token: x"), "field token not found", ""},
		"a password in a place":          {"HTTP_CLIENT_CONFIG_FILE", write(t, "b.yml", "basic_auth: geheim"), "HTTP_CLIENT_CONFIG_FILE", "geheim"},
		"two ways at once":               {"HTTP_CLIENT_CONFIG_FILE", write(t, "c.yml", "basic_auth: { username: a }\nauthorization: { credentials: geheim }"), "at most one of", "geheim"},
		"an authority that is not there": {"HTTP_CLIENT_CONFIG_FILE", write(t, "d.yml", "tls_config: { ca_file: /nowhere.pem }"), "/nowhere.pem", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			cfg, err := config.LoadGate()
			if err != nil {
				t.Fatal(err)
			}
			_, err = gate.New(cfg, zerolog.Nop())
			if err == nil || !strings.Contains(err.Error(), test.says) || test.never != "" && strings.Contains(err.Error(), test.never) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}
