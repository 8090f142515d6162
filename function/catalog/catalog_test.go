package catalog_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/all"
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/functiontest"
)

const rules = "../jobrunner/testdata/bailer.yaml"

func TestFromEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		environment map[string]string
		says        string
	}{
		"unknown function": {map[string]string{"FUNCTION": "jobrunner"}, `FUNCTION="jobrunner": want one of command, enricher, image-patcher, job-results, job-runner, notifier, rollback`},
		"no rules":         {map[string]string{"JOBS_FILE": "testdata/none.yaml"}, "testdata/none.yaml"},
		"wrong variable":   {map[string]string{"MAX_EVENT_AGE": "soon"}, "MAX_EVENT_AGE"},
		"wrong revision":   {map[string]string{"FUNCTION": "rollback", "ROLLBACK_TO": "last"}, `ROLLBACK_TO="last": want previous or known-good`},
		"wrong policy":     {map[string]string{"FUNCTION": "image-patcher", "IMAGE_POLICY": "latest"}, `IMAGE_POLICY: got "latest", want last-good`},
		"wrong constraint": {map[string]string{"FUNCTION": "image-patcher", "IMAGE_POLICY": "semver"}, "IMAGE_CONSTRAINT: missing"},
		"wrong platform":   {map[string]string{"FUNCTION": "image-patcher", "PLATFORMS": "amd64"}, `PLATFORMS="amd64": want os/architecture`},
		"slow registries":  {map[string]string{"FUNCTION": "image-patcher", "REGISTRY_TIMEOUT": "1m"}, `REGISTRY_TIMEOUT="1m0s": want a duration above 0 and up to 20s`},
		"no kubeconfig":    {map[string]string{"KUBECONFIG": "testdata/none"}, "read kubeconfig testdata/none"},
		"no pattern":       {map[string]string{"FUNCTION": "job-results", "MASK_PATTERNS": "a\n("}, "MASK_PATTERNS: line 2: want a regular expression (RE2)"},
		"no enricher":      {map[string]string{"FUNCTION": "enricher", "ENRICHER_PART_TIMEOUT": "10s"}, `ENRICHER_PART_TIMEOUT="10s": want a duration above 0 and up to 8s`},
		"no such rules":    {map[string]string{"FUNCTION": "enricher", "ENRICHER_RULES_FILE": "testdata/none.yaml"}, "enricher: read rules: open testdata/none.yaml"},
		"no receivers":     {map[string]string{"FUNCTION": "notifier", "NOTIFIER_FILE": "testdata/none.yaml"}, "notifier: read receivers: open testdata/none.yaml"},
		"slow receivers":   {map[string]string{"FUNCTION": "notifier", "NOTIFIER_TIMEOUT": "40s"}, `NOTIFIER_TIMEOUT="40s": want a duration above 0 and up to 30s`},
		"no commands":      {map[string]string{"FUNCTION": "command", "COMMANDS_FILE": "testdata/none.yaml"}, "testdata/none.yaml"},
		"empty commands":   {map[string]string{"FUNCTION": "command", "COMMANDS_FILE": "/dev/null"}, "/dev/null: commands: missing"},
		"commands alone":   {map[string]string{"FUNCTION": "command", "COMMANDS_FILE": "../command/testdata/executor.yml"}, "command: " + cluster.ErrNone.Error()},
		"nothing to tell":  {map[string]string{"FUNCTION": "job-results", "DRY_RUN": "true"}, "job-results: " + cluster.ErrNone.Error()},
		"no cluster":       {map[string]string{"JOBS_FILE": rules}, cluster.ErrNone.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", "")
			t.Setenv("KUBERNETES_SERVICE_HOST", "")
			for variable, value := range test.environment {
				t.Setenv(variable, value)
			}
			_, _, err := catalog.FromEnvironment(io.Discard, all.Functions()...)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

// A function reads its own variables: what is wrong with another's does not stop it.
func TestOthersVariables(t *testing.T) {
	for variable, value := range map[string]string{
		"KUBECONFIG": "", "JOBS_FILE": rules, "DRY_RUN": "true",
		"NOTIFIER_TIMEOUT": "40s", "ROLLBACK_TO": "last", "MASK_PATTERNS": "(", "IMAGE_POLICY": "latest",
	} {
		t.Setenv(variable, value)
	}
	if _, _, err := catalog.FromEnvironment(io.Discard, all.Functions()...); err != nil {
		t.Error(err)
	}
}

// The names that a policy can speak of are those of the functions that act.
func TestNames(t *testing.T) {
	listening := []string{"enricher", "job-results", "notifier"}
	var names []string
	for _, e := range all.Functions() {
		if !slices.Contains(listening, e.Name) {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, catalog.Names()) {
		t.Errorf("a policy can speak of %v, and %v act", catalog.Names(), names)
	}
}

// VERIFY_KEYS_FILE closes a function to what is not signed, and without it the log
// says that it is open.
func TestVerifyKeysFile(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("JOBS_FILE", rules)
	t.Setenv("DRY_RUN", "true")
	key, err := alert.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.Verifier("", time.Now()).PEM()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	const open = "who sends an event is not checked"
	var log bytes.Buffer
	if _, _, err := catalog.FromEnvironment(&log, all.Functions()...); err != nil || !strings.Contains(log.String(), open) {
		t.Errorf("%v, log %q", err, log.String())
	}
	t.Setenv("VERIFY_KEYS_FILE", file)
	log.Reset()
	f, _, err := catalog.FromEnvironment(&log, all.Functions()...)
	if err != nil || strings.Contains(log.String(), open) {
		t.Fatalf("%v, log %q", err, log.String())
	}
	e := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "PodCrashLooping", "namespace": "default", "pod": "nginx-1"}), time.Now())
	functiontest.Handle(t, f, e).Want(t, function.Skipped, function.ReasonUnsigned)
	if err := key.Sign(&e); err != nil {
		t.Fatal(err)
	}
	functiontest.Handle(t, f, e).Want(t, function.Planned, function.ReasonDryRun)
}

func TestDryRunNeedsNoCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("JOBS_FILE", rules)
	t.Setenv("DRY_RUN", "true")
	f, _, err := catalog.FromEnvironment(io.Discard, all.Functions()...)
	if err != nil {
		t.Fatal(err)
	}
	clock := &functiontest.Clock{}
	a := functiontest.Alert(map[string]string{"alertname": "PodCrashLooping", "namespace": "default", "pod": "nginx-1"})
	o := functiontest.Handle(t, f, functiontest.Event(t, a, clock.Now()))
	o.Want(t, function.Planned, function.ReasonDryRun)
	if len(o.Actions) != 1 || len(o.Actions[0].Changes) != 1 || !strings.Contains(o.Actions[0].Changes[0].Diff, "image: bitnami/kubectl:latest") {
		t.Errorf("planned %+v", o.Actions)
	}
	if client, err := cluster.Open("", ""); err != nil || !errors.Is(client.Check(), cluster.ErrNone) {
		t.Errorf("open: %v", err)
	}
}

// job-results acts on nothing, and believes nothing: it asks for no signature.
func TestJobResults(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	var c config.Function
	if err := config.Load(&c); err != nil {
		t.Fatal(err)
	}
	client := cluster.For(&rest.Config{Host: "http://127.0.0.1:1"}, "quench")
	f, err := catalog.New("job-results", catalog.Parts{Client: client, Shared: c}, all.Functions()...)
	if err != nil {
		t.Fatal(err)
	}
	e := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "A"}), time.Now())
	if reply, err := f.Handle(t.Context(), e); reply != nil || err != nil {
		t.Errorf("an alert is answered with %v, %v", reply, err)
	}
	if slices.Contains(catalog.Names(), "job-results") {
		t.Error("a policy can speak of job-results")
	}
}

// enricher tells logs: it hears of nothing that nobody signed, and says so where no keys are named.
func TestEnricherAsksForASignature(t *testing.T) {
	t.Setenv("FUNCTION", "enricher")
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := "{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}], " +
		"contexts: [{name: c, context: {cluster: c}}]}"
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", kubeconfig)
	e := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "A"}), time.Now())
	var log bytes.Buffer
	f, _, err := catalog.FromEnvironment(&log, all.Functions()...)
	if err != nil || !strings.Contains(log.String(), "who sends an event is not checked") {
		t.Fatalf("%v, log %q", err, log.String())
	}
	reply, err := f.Handle(t.Context(), e)
	if err != nil || reply == nil || reply.Type() != enriched.Type {
		t.Errorf("without keys: got %v, %v", reply, err)
	}
	key, err := alert.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Verifier("", time.Now()).PEM()
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(keys, public, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VERIFY_KEYS_FILE", keys)
	log.Reset()
	if f, _, err = catalog.FromEnvironment(&log, all.Functions()...); err != nil || log.Len() > 0 {
		t.Fatalf("%v, log %q", err, log.String())
	}
	if reply, err = f.Handle(t.Context(), e); reply != nil || err != nil || !strings.Contains(log.String(), function.ReasonUnsigned) {
		t.Errorf("unsigned: got %v, %v; log %q", reply, err, log.String())
	}
	if err := key.Sign(&e); err != nil {
		t.Fatal(err)
	}
	if reply, err = f.Handle(t.Context(), e); err != nil || reply == nil {
		t.Errorf("signed: got %v, %v", reply, err)
	}
	if slices.Contains(catalog.Names(), "enricher") {
		t.Error("a policy can speak of enricher")
	}
}

// notifier tells of no alert that nobody signed, where there are keys, and says so in its log where there are none.
func TestNotifierAsksForASignature(t *testing.T) {
	dir := t.TempDir()
	key, err := alert.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Verifier("", time.Now()).PEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"keys.pem": string(public), "url": "http://127.0.0.1:1/",
		"notifier.yaml": "receivers: [{name: hook, type: webhook, urlFile: " + dir + "/url}]",
		"kubeconfig": "{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}], " +
			"contexts: [{name: c, context: {cluster: c}}]}",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("FUNCTION", "notifier")
	t.Setenv("KUBECONFIG", filepath.Join(dir, "kubeconfig"))
	t.Setenv("NOTIFIER_FILE", filepath.Join(dir, "notifier.yaml"))
	var log bytes.Buffer
	if _, _, err := catalog.FromEnvironment(&log, all.Functions()...); err != nil || !strings.Contains(log.String(), "who sends an event is not checked") {
		t.Fatalf("%v, log %q", err, log.String())
	}
	t.Setenv("VERIFY_KEYS_FILE", filepath.Join(dir, "keys.pem"))
	log.Reset()
	f, _, err := catalog.FromEnvironment(&log, all.Functions()...)
	if err != nil {
		t.Fatal(err)
	}
	e := functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": "A"}), time.Now().Add(-48*time.Hour))
	if reply, err := f.Handle(t.Context(), e); reply != nil || err != nil || !strings.Contains(log.String(), function.ReasonUnsigned) {
		t.Errorf("unsigned: answered %v, %v, log %s", reply, err, log.String())
	}
	if err := key.Sign(&e); err != nil {
		t.Fatal(err)
	}
	// It goes on, however old the event is, to an API server that is not there.
	if _, err := f.Handle(t.Context(), e); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("signed: %v", err)
	}
}
