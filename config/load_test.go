package config

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestLoadDefaults(t *testing.T) {
	var a Adapter
	if err := Load(&a); err != nil {
		t.Fatal(err)
	}
	if a.Port != 8080 || time.Duration(a.SendTimeout) != 50*time.Second || a.MaxBodyBytes != 16<<20 || a.ClusterName != "default" || a.Level != "info" {
		t.Fatalf("defaults: %+v", a)
	}
	if a.Sink.Set() {
		t.Fatal("a sink out of nothing")
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		variable, value string
		want            []string
		never           string
	}{
		"port":            {"PORT", "http", []string{`PORT="http"`, "a port from 0 to 65535"}, ""},
		"port too high":   {"PORT", "65536", []string{"PORT", "65535"}, ""},
		"duration":        {"SEND_TIMEOUT", "50", []string{`SEND_TIMEOUT="50"`, "50s"}, ""},
		"zero duration":   {"SEND_TIMEOUT", "0s", []string{`SEND_TIMEOUT="0s"`, "above 0"}, ""},
		"number":          {"SEND_CONCURRENCY", "many", []string{`SEND_CONCURRENCY="many"`, "whole number"}, ""},
		"relation":        {"MAX_SENDS", "1", []string{`MAX_SENDS="1"`, "SEND_CONCURRENCY"}, ""},
		"boolean":         {"GROUP_EVENTS", "maybe", []string{`GROUP_EVENTS="maybe"`, "true or false"}, ""},
		"size":            {"MAX_BODY_BYTES", "16MB", []string{`MAX_BODY_BYTES="16MB"`, "16Mi"}, ""},
		"level":           {"LOG_LEVEL", "loud", []string{`LOG_LEVEL="loud"`, "debug"}, ""},
		"sink":            {"K_SINK", "broker", []string{`K_SINK="broker"`, "absolute URL"}, ""},
		"secret in a URL": {"K_SINK", "ftp://me:geheim@host/", []string{"K_SINK", "absolute URL"}, "geheim"},
		"unparsable URL":  {"K_SINK", "http://me:geheim@ho st/", []string{"K_SINK", "absolute URL"}, "geheim"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(tc.variable, tc.value)
			err := Load(&Adapter{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if tc.never != "" && strings.Contains(err.Error(), tc.never) {
				t.Errorf("%q tells a secret", err)
			}
		})
	}
}

func TestLoadDeadLetter(t *testing.T) {
	var d DeadLetter
	if err := Load(&d); err != nil {
		t.Fatal(err)
	}
	if d.MaxBodyBytes != 16<<20 || d.MaxLoggedBytes != 256<<10 {
		t.Fatalf("defaults: %+v", d)
	}
	for variable, value := range map[string]string{"DRAIN_TIMEOUT": "0s", "LOG_LEVEL": "loud", "MAX_LOGGED_BYTES": "0", "PORT": "http"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, value)
			if err := Load(&DeadLetter{}); err == nil || !strings.HasPrefix(err.Error(), variable+`="`+value+`": want `) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLoadGate(t *testing.T) {
	// As prometheus-alert-readiness' chart sets them, and set to nothing, as it allows.
	for name, tc := range map[string]struct{ endpoint, timeout, severities, live, ready, port string }{
		"the old chart's":     {"http://localhost:9090", "4", "critical,warning", "/live", "/ready", "8080"},
		"nothing":             {"", "", "", "", "", ""},
		"with blanks":         {" http://localhost:9090 ", " 4 ", " critical , warning ", "/live", "/ready", "8080"},
		"a timeout of quench": {"", "4000ms", "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range map[string]string{
				"PROMETHEUS_ENDPOINT": tc.endpoint, "PROMETHEUS_API_TIMEOUT": tc.timeout, "PROMETHEUS_ALERT_SEVERITIES": tc.severities,
				"KUBE_LIVENESS_PATH": tc.live, "KUBE_READINESS_PATH": tc.ready, "KUBE_PROBE_LISTEN_PORT": tc.port,
			} {
				t.Setenv(variable, value)
			}
			g, err := LoadGate()
			if err != nil {
				t.Fatal(err)
			}
			if len(g.Prometheus) != 1 || g.Prometheus[0].String() != "http://localhost:9090" || len(g.Alertmanager) != 0 || g.APITimeout.String() != "4s" ||
				g.Severities.String() != "critical,warning" || g.LivenessPath != "/live" || g.ReadinessPath != "/ready" || g.Port != 8080 {
				t.Errorf("%+v", g)
			}
		})
	}
}

func TestLoadGateSaysWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		environment map[string]string
		want        string
	}{
		"timeout":           {map[string]string{"PROMETHEUS_API_TIMEOUT": "0"}, `PROMETHEUS_API_TIMEOUT="0s": want a duration above 0 such as 4`},
		"no timeout":        {map[string]string{"PROMETHEUS_API_TIMEOUT": "soon"}, `PROMETHEUS_API_TIMEOUT="soon": want a duration`},
		"endpoint":          {map[string]string{"PROMETHEUS_ENDPOINT": "prometheus:9090"}, `PROMETHEUS_ENDPOINT="prometheus:9090": want an absolute URL`},
		"no severity":       {map[string]string{"PROMETHEUS_ALERT_SEVERITIES": ","}, `PROMETHEUS_ALERT_SEVERITIES=",": want at least one name`},
		"two sources":       {map[string]string{"PROMETHEUS_ENDPOINT": "http://a", "ALERTMANAGER_ENDPOINT": "http://me:geheim@b"}, `ALERTMANAGER_ENDPOINT="http://me:xxxxx@b": want it or PROMETHEUS_ENDPOINT, not both`},
		"two choices":       {map[string]string{"PROMETHEUS_ALERT_SEVERITIES": "page", "ALERT_SELECT": `team="a"`}, "want it or PROMETHEUS_ALERT_SEVERITIES, not both"},
		"path":              {map[string]string{"KUBE_READINESS_PATH": "ready"}, `KUBE_READINESS_PATH="ready": want a path`},
		"path with a query": {map[string]string{"KUBE_LIVENESS_PATH": "/live?a=b"}, `KUBE_LIVENESS_PATH="/live?a=b": want a path`},
		"path of a pattern": {map[string]string{"KUBE_LIVENESS_PATH": "/{live}"}, `KUBE_LIVENESS_PATH="/{live}": want a path`},
		"path not clean":    {map[string]string{"KUBE_READINESS_PATH": "/a//b"}, `KUBE_READINESS_PATH="/a//b": want a path`},
		"both at one path":  {map[string]string{"KUBE_LIVENESS_PATH": "/ready"}, "want another path than KUBE_READINESS_PATH"},
		"path of metrics":   {map[string]string{"KUBE_READINESS_PATH": "/metrics"}, "want another path than that of the metrics"},
		"port":              {map[string]string{"KUBE_PROBE_LISTEN_PORT": "http"}, "KUBE_PROBE_LISTEN_PORT"},
		"level":             {map[string]string{"LOG_LEVEL": "loud"}, "LOG_LEVEL"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range tc.environment {
				t.Setenv(variable, value)
			}
			if _, err := LoadGate(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %s", err, tc.want)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]Bytes{"1": 1, "64Ki": 64 << 10, "16Mi": 16 << 20, "2Gi": 2 << 30} {
		var b Bytes
		if err := b.Decode(in); err != nil || b != want {
			t.Errorf("%s: %d, %v", in, b, err)
		}
	}
	for _, in := range []string{"", "Ki", "-1", "0", "1.5Mi", "9999999999Gi"} {
		if err := new(Bytes).Decode(in); err == nil {
			t.Errorf("%s: no error", in)
		}
	}
}

// The variables that the docs list are those that the structs have.
func TestReadmeIsGenerated(t *testing.T) {
	before, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	gen := exec.Command("go", "build", "-o", dir+"/gen", "./gen")
	if out, err := gen.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run := exec.Command(dir + "/gen")
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	after, err := os.ReadFile(dir + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("README.md is not what the structs say: run go generate ./config")
	}
}

func TestEveryVariableIsDescribed(t *testing.T) {
	for _, spec := range []any{Adapter{}, Function{}, JobRunner{}, JobResults{}, Enricher{}, DeadLetter{}, Archive{}} {
		var b bytes.Buffer
		WriteTable(&b, spec)
		for line := range strings.Lines(b.String()) {
			if strings.HasSuffix(line, "|  |\n") || strings.HasPrefix(line, "| `` |") {
				t.Errorf("%T: %s", spec, line)
			}
		}
	}
}
