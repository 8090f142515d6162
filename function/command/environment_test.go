package command_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/functiontest"
)

// dump is a command that writes its environment to a file. It is no shell, which
// would leave out names that it cannot use.
func dump(file, more string) string {
	return fmt.Sprintf("- {cmd: cp, args: [/proc/self/environ, %s]%s}\n", file, more)
}

// variables are the AMX_ variables that a command has seen.
func variables(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for v := range strings.SplitSeq(string(text), "\x00") {
		if name, value, ok := strings.Cut(v, "="); ok && strings.HasPrefix(name, "AMX_") {
			seen[name] = value
		}
	}
	return seen
}

// A single alert's event is a notification of one alert.
func TestEnvironmentOfAnAlert(t *testing.T) {
	file := t.TempDir() + "/environment"
	w := newWorld(t, dump(file, ", match_labels: {severity: page}"), command.Options{})
	a := functiontest.Alert(map[string]string{"alertname": "Burns", "severity": "page", "k8s.io/app": "web; rm -rf /", "nul": "a\x00b", "a=b": "c"})
	a.Group.GroupLabels = map[string]string{"job": "node"}
	a.Group.ExternalURL = "http://am:9093"
	o := w.handle(functiontest.Event(t, a, w.clock.Now()))
	o.Want(t, function.Succeeded, command.ReasonRan)
	if !strings.Contains(o.Message, "2 variables did not fit into its environment, AMX_LABEL_a=b first") {
		t.Errorf("told as %q", o.Message)
	}
	want := map[string]string{
		"AMX_RECEIVER": "quench", "AMX_STATUS": "firing", "AMX_EXTERNAL_URL": "http://am:9093", "AMX_ALERT_LEN": "1",
		"AMX_GLABEL_job": "node", "AMX_ANNOTATION_summary": "it burns",
		"AMX_ALERT_1_STATUS": "firing", "AMX_ALERT_1_START": fmt.Sprint(a.StartsAt.Unix()), "AMX_ALERT_1_END": "0",
		"AMX_ALERT_1_URL": "http://prometheus.example/graph", "AMX_ALERT_1_FINGERPRINT": a.Fingerprint, "AMX_ALERT_1_ANNOTATION_summary": "it burns",
	}
	for _, prefix := range []string{"AMX_LABEL_", "AMX_ALERT_1_LABEL_"} {
		want[prefix+"alertname"], want[prefix+"severity"], want[prefix+"k8s.io/app"], want[prefix+"nul"] = "Burns", "page", "web; rm -rf /", "ab"
	}
	same(t, variables(t, file), want)
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is %q, want %q", name, got[name], want[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("there is %s, too: %q", name, got[name])
		}
	}
}

// Of what does not fit into an environment the last alerts' go, and the command is run.
func TestLargeEnvironment(t *testing.T) {
	file := t.TempDir() + "/environment"
	w := newWorld(t, dump(file, ""), command.Options{})
	a := functiontest.Alert(map[string]string{"alertname": "Burns", "short": "x"})
	a.Annotations = map[string]string{"long": strings.Repeat("x", 200<<10)}
	o := w.handle(functiontest.Event(t, a, w.clock.Now()))
	if seen := variables(t, file); !strings.Contains(o.Message, "AMX_ANNOTATION_long first") || seen["AMX_LABEL_short"] != "x" || seen["AMX_ALERT_1_LABEL_short"] != "x" {
		t.Errorf("told as %q, and it sees %v", o.Message, seen)
	}
	var many []member
	for i := range 2000 {
		many = append(many, member{name: fmt.Sprintf("%d-%s", i, strings.Repeat("x", 1000))})
	}
	o = w.handle(w.group(many...))
	o.Want(t, function.Succeeded, command.ReasonRan)
	if seen := variables(t, file); seen["AMX_ALERT_LEN"] != "2000" || seen["AMX_ALERT_500_STATUS"] != "firing" || seen["AMX_ALERT_2000_STATUS"] != "" {
		t.Errorf("told as %q, and it sees %d variables", o.Message, len(seen))
	}
}

// No shell: what an alert says is never more than text.
func TestArgumentsAreNoScript(t *testing.T) {
	echo, err := exec.LookPath("echo")
	if err != nil {
		t.Skip(err)
	}
	w := newWorld(t, fmt.Sprintf("- {cmd: %s, args: [$AMX_STATUS, '$(id)', 'a  b;', '']}\n", echo), command.Options{})
	if o := w.handle(w.group(member{name: "a"})); !strings.HasSuffix(o.Message, "it said: $AMX_STATUS $(id) a  b;") {
		t.Errorf("told as %q", o.Message)
	}
}

// The rules are asked about what the alerts of a notification have in common, and
// what an alert's event says.
func TestMatch(t *testing.T) {
	w := newWorld(t, sh("echo x", ", match_labels: {instance: a}")+sh("echo x", ", alert: Other"), command.Options{})
	w.handle(w.group(member{name: "a"}, member{name: "b"})).Want(t, function.Skipped, command.ReasonNoRule)
	if n := w.metric(`am_executor_skipped_total{reason="nomatch"}`); n != "2" {
		t.Errorf("%s were counted", n)
	}
	for labels, want := range map[*alert.Alert]int{
		functiontest.Alert(map[string]string{"alertname": "Burns", "instance": "a"}): 1,
		functiontest.Alert(map[string]string{"alertname": "Other", "instance": "a"}): 2,
		functiontest.Alert(map[string]string{"alertname": "Other"}):                  1,
	} {
		if o := w.handle(functiontest.Event(t, labels, time.Now())); len(o.Actions) != want || slices.ContainsFunc(o.Actions, func(a function.Acted) bool { return a.Outcome != function.Succeeded }) {
			t.Errorf("%v: %s", labels.Labels, o.Raw)
		}
	}
}
