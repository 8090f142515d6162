package jobrunner_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/jobrunner"
)

func TestParse(t *testing.T) {
	rules, err := jobrunner.Parse("rules.yaml", []byte(`
bailers:
- alert: A
  container: {image: busybox, tag: 1.36}
  labels: {replicas: 3, Zone: ^eu}
jobs:
- alert: A
  container: busybox
- name: all
  alert: B
  container: registry:5000/x@sha256:abc
  maxRunning: 2
  onResolved: cancel
  onRepeat: act
  coolDown: 1h
  ttlSecondsAfterFinished: 0
- {name: usual, alert: B, container: {image: x, tag: 20261120}, onRepeat: act}
`))
	if err != nil {
		t.Fatal(err)
	}
	image := func(i int) string { return rules[i].Template.Spec.Template.Spec.Containers[0].Image }
	r := rules[2]
	switch {
	case rules[0].Name != "A-1", image(0) != "busybox:1.36", len(rules[0].Labels) != 2, *rules[0].TTL != 3600:
		t.Errorf("bailer is %+v", rules[0])
	case rules[1].Name != "A-2", image(1) != "busybox", rules[1].OnRepeat != function.RepeatSkip:
		t.Errorf("job is %+v", rules[1])
	case r.Name != "all", image(2) != "registry:5000/x@sha256:abc", r.MaxRunning != 2, !r.Cancel, r.OnRepeat != function.RepeatAct, r.CoolDown != time.Hour, *r.TTL != 0:
		t.Errorf("job is %+v", r)
	case image(3) != "x:20261120", rules[3].CoolDown != 5*time.Minute:
		t.Errorf("job is %+v", rules[3])
	}
}

func TestParseErrors(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"empty":                {"", "no rules"},
		"not YAML":             {"\t", "rules.yaml"},
		"unknown section":      {"jobz: []", `unknown field "jobz"`},
		"duplicate key":        {"bailers:\n- alert: A\n  alert: B\n", `"alert" already set`},
		"unknown field":        {"jobs:\n- {name: nn, alert: A, container: x, comand: [x]}", `jobs[0] (name "nn", alert "A"): unknown field "comand"`},
		"job's field":          {"bailers:\n- {alert: A, container: {image: x}, maxRunning: 1}", `bailers[0] (alert "A"): unknown field "maxRunning"`},
		"no alert":             {"bailers:\n- {container: {image: x}}", "bailers[0]: alert: missing"},
		"no container":         {"bailers:\n- {alert: A}", "container.image: missing"},
		"no image":             {"bailers:\n- {alert: A, container: {tag: x}}", "container.image: missing"},
		"unknown in container": {"bailers:\n- {alert: A, container: {image: x, tags: x}}", `container: unknown field "tags"`},
		"command is a string":  {"bailers:\n- {alert: A, container: {image: x}, command: ls}", "command: got a string, want a list"},
		"list of texts":        {"bailers: [x]", "got a string, want a mapping"},
		"two sources":          {"jobs:\n- {alert: A, container: x, cronJob: c}", "want one of container, template and cronJob"},
		"no source":            {"jobs:\n- {alert: A}", "want one of container, template and cronJob"},
		"template's field":     {"jobs:\n- {alert: A, template: {spec: {tmplate: {}}}}", `unknown field "tmplate"`},
		"no containers":        {"jobs:\n- {alert: A, template: {spec: {}}}", "template.spec.template.spec.containers: missing"},
		"template's name":      {"jobs:\n- {alert: A, template: {metadata: {name: x, namespace: y}, spec: {template: {spec: {containers: [{name: a}]}}}}}", "template.metadata.namespace"},
		"command of cronJob":   {"jobs:\n- {alert: A, cronJob: c, command: [x]}", "command: goes with container"},
		"expression":           {"jobs:\n- {alert: A, container: x, labels: {pod: '('}}", `labels.pod: got "("`},
		"maxRunning":           {"jobs:\n- {alert: A, container: x, maxRunning: 0}", "maxRunning: got 0, want 1 or more"},
		"maxRunning's kind":    {"jobs:\n- {alert: A, container: x, maxRunning: many}", "maxRunning: got a string, want a whole number"},
		"onResolved":           {"jobs:\n- {alert: A, container: x, onResolved: stop}", `onResolved: got "stop", want ignore or cancel`},
		"onRepeat":             {"jobs:\n- {alert: A, container: x, onRepeat: twice}", `onRepeat: got "twice", want skip or act`},
		"coolDown":             {"jobs:\n- {alert: A, container: x, onRepeat: act, coolDown: 5}", "coolDown: got \"5\", want a duration"},
		"coolDown alone":       {"jobs:\n- {alert: A, container: x, coolDown: 5m}", "coolDown: goes with onRepeat: act"},
		"namespace":            {"jobs:\n- {alert: A, container: x, namespace: A_B}", "namespace: got"},
		"TTL":                  {"bailers:\n- {alert: A, container: {image: x}, ttlSecondsAfterFinished: -1}", "ttlSecondsAfterFinished: want 0"},
		"one name twice":       {"jobs:\n- {name: nn, alert: A, container: x}\n- {name: nn, alert: B, container: x}", `jobs[1]: name: "nn" is jobs[0]'s name too`},
		"a word of YAML's":     {"jobs:\n- {name: n, alert: A, container: x}", "name: got true or false (as YAML"},
		"a label of YAML's":    {"bailers:\n- {alert: A, container: {image: x}, labels: {answer: no}}", "labels: got true or false"},
		"two wrong rules":      {"jobs:\n- {alert: A}\n- {alert: B}", "jobs[1]"},
		"too large":            {strings.Repeat("#", 1<<20+1), "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jobrunner.Parse("rules.yaml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.HasPrefix(err.Error(), "rules.yaml: ") {
				t.Errorf("got %v, want rules.yaml and %q", err, test.says)
			}
		})
	}
}

func TestShippedRulesAreRight(t *testing.T) {
	for _, path := range []string{"../../knative/samples/jobs.yaml", "testdata/bailer.yaml"} {
		if _, err := jobrunner.Load(path); err != nil {
			t.Error(err)
		}
	}
	if _, err := jobrunner.Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("bailers:\n- {alert: A, container: {image: x, tag: 1}, labels: {a: b}}\n"))
	f.Add([]byte("jobs:\n- {alert: A, template: {spec: {}}, coolDown: 5m}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := jobrunner.Parse("rules.yaml", text)
		if err == nil && len(rules) == 0 {
			t.Error("no rules and no error")
		}
	})
}
