package tests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// commander is "quench command" as a child process.
type commander struct {
	url string
	cmd *exec.Cmd
	log string // its file
}

// startCommand starts it with these commands, in the YAML of prometheus-am-executor, and waits until it listens.
func startCommand(t *testing.T, dir, commands string, flags ...string) *commander {
	t.Helper()
	file := filepath.Join(dir, "executor.yml")
	if err := os.WriteFile(file, []byte("listen_address: 127.0.0.1:0\ncommands:\n"+commands), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary(t, "quench"), append([]string{"command", "-f", file, "-v", "--state", filepath.Join(dir, "state")}, flags...)...)
	cmd.Env = append(os.Environ(), "DIR="+dir)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	logs, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("quench command's log:\n%s", tail(logs.Name()))
		}
	})
	listening := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			_, _ = logs.WriteString(lines.Text() + "\n")
			var line struct{ Message, Addr string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "listening" {
				listening <- "http://" + line.Addr
			}
		}
	}()
	select {
	case url := <-listening:
		return &commander{url, cmd, logs.Name()}
	case <-time.After(time.Minute):
		t.Fatal("quench command did not listen within a minute")
		return nil
	}
}

// environment are the AMX_ variables in a copy of a command's environment.
func environment(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for v := range strings.SplitSeq(string(text), "\x00") {
		if name, value, ok := strings.Cut(v, "="); ok && strings.HasPrefix(name, "AMX_") {
			seen[name] = value
		}
	}
	return seen, nil
}

// Variable by variable what prometheus-am-executor's README lists, from a real Alertmanager's group of two alerts, of
// which one then resolves.
func TestCommandsEnvironment(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "environment")
	c := startCommand(t, dir, fmt.Sprintf("- {cmd: cp, args: [/proc/self/environ, %s], match_labels: {job: broken}, coolDown: 0s}\n", file))
	am := startAlertmanager(t, c.url+"/", time.Hour)
	started := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	labels := func(instance string) map[string]string {
		return map[string]string{"alertname": "InstanceDown", "job": "broken", "instance": instance, "value": "a=b c\n$HOME;"}
	}
	am.alert(t, started, false, labels("one:1234"))
	am.alert(t, started, false, labels("two:5678"))

	var seen map[string]string
	wait := func(what, name, value string) {
		t.Helper()
		eventually(t, time.Minute, what, func() error {
			var err error
			if seen, err = environment(file); err == nil && seen[name] != value {
				err = fmt.Errorf("%s is %q", name, seen[name])
			}
			return err
		})
	}
	wait("a run for both alerts", "AMX_ALERT_LEN", "2")
	prints := am.fingerprints(t)
	want := map[string]string{
		"AMX_RECEIVER": "quench", "AMX_STATUS": "firing", "AMX_ALERT_LEN": "2", "AMX_GLABEL_alertname": "InstanceDown",
		"AMX_LABEL_alertname": "InstanceDown", "AMX_LABEL_job": "broken", "AMX_LABEL_value": "a=b c\n$HOME;",
		"AMX_ANNOTATION_summary": "Pod is crash looping.",
	}
	for i, instance := range []string{"one:1234", "two:5678"} {
		prefix := "AMX_ALERT_" + strconv.Itoa(i+1) + "_"
		for name, value := range map[string]string{
			"STATUS": "firing", "START": strconv.FormatInt(started.Unix(), 10), "END": "0", "URL": "http://prometheus.example/graph?g0.expr=up",
			"FINGERPRINT": prints[instance], "ANNOTATION_summary": "Pod is crash looping.",
			"LABEL_alertname": "InstanceDown", "LABEL_job": "broken", "LABEL_instance": instance, "LABEL_value": "a=b c\n$HOME;",
		} {
			want[prefix+name] = value
		}
	}
	if port := am.url[strings.LastIndexByte(am.url, ':'):]; !strings.HasSuffix(seen["AMX_EXTERNAL_URL"], port) {
		t.Errorf("AMX_EXTERNAL_URL is %q", seen["AMX_EXTERNAL_URL"])
	}
	delete(seen, "AMX_EXTERNAL_URL")
	for name, value := range want {
		if seen[name] != value {
			t.Errorf("%s is %q, want %q", name, seen[name], value)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d variables, want %d: %v", len(seen), len(want), seen)
	}

	am.alert(t, started, true, labels("one:1234"))
	wait("a run for the group in which one has resolved", "AMX_ALERT_1_STATUS", "resolved")
	if end, err := strconv.ParseInt(seen["AMX_ALERT_1_END"], 10, 64); err != nil || time.Since(time.Unix(end, 0)) > 5*time.Minute {
		t.Errorf("AMX_ALERT_1_END is %q", seen["AMX_ALERT_1_END"])
	}
	if seen["AMX_STATUS"] != "firing" || seen["AMX_ALERT_2_END"] != "0" {
		t.Errorf("AMX_STATUS is %q, AMX_ALERT_2_END %q", seen["AMX_STATUS"], seen["AMX_ALERT_2_END"])
	}
}

// fingerprints are those that Alertmanager gives alerts, by instance.
func (am *alertmanager) fingerprints(t *testing.T) map[string]string {
	t.Helper()
	var body bytes.Buffer
	if err := get(t, am.url+"/api/v2/alerts", &body); err != nil {
		t.Fatal(err)
	}
	var alerts []struct {
		Fingerprint string
		Labels      map[string]string
	}
	if err := json.Unmarshal(body.Bytes(), &alerts); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, a := range alerts {
		all[a.Labels["instance"]] = a.Fingerprint
	}
	return all
}

// When Alertmanager says that the alert has resolved, the command that runs for it ends. It says so once the webhook that
// started the command was answered, and not before.
func TestCommandEndsWithItsAlert(t *testing.T) {
	dir := t.TempDir()
	c := startCommand(t, dir, "- {cmd: sh, args: [-c, 'trap \"echo over > $DIR/over; exit 0\" TERM; echo $$ > $DIR/pid; while :; do sleep 0.1; done'], resolved_signal: SIGTERM}\n", "--ack-after=500ms")
	am := startAlertmanager(t, c.url+"/", time.Hour)
	started := time.Now().Add(-time.Minute)
	labels := map[string]string{"alertname": "Burns"}
	am.alert(t, started, false, labels)
	wrote := func(file string) {
		t.Helper()
		eventually(t, time.Minute, file+" is written", func() error { _, err := os.Stat(filepath.Join(dir, file)); return err })
	}
	wrote("pid")
	am.alert(t, started, true, labels)
	wrote("over")
	eventually(t, time.Minute, "no notification is under way", func() error {
		if failed := am.metric(t, "alertmanager_notifications_failed_total", "webhook"); failed != 0 {
			t.Fatalf("%v notifications failed", failed)
		}
		var body bytes.Buffer
		if err := get(t, c.url+"/metrics", &body); err != nil {
			return err
		}
		for _, line := range []string{"am_executor_processes_current 0", `am_executor_signalled_total{result="ok"} 1`} {
			if !strings.Contains(body.String(), line+"\n") {
				return fmt.Errorf("no %s", line)
			}
		}
		return nil
	})
}

const commandPayload = `{"status":"firing","receiver":"r","groupKey":"g","commonLabels":{"alertname":"A"},"alerts":[{"status":"firing","labels":{"alertname":"A"},"startsAt":"2026-11-20T22:00:00Z"}]}`

// Killed while its command runs, the next process says that what became of it is unknown, and does not run it again,
// even where the kill left the command alone.
func TestCommandKilled(t *testing.T) {
	dir := t.TempDir()
	const entry = "- {cmd: sh, args: [-c, 'echo $$ >> $DIR/pids; exec sleep 600']}\n"
	c := startCommand(t, dir, entry)
	go func() {
		if resp, err := http.Post(c.url, "application/json", strings.NewReader(commandPayload)); err == nil {
			resp.Body.Close()
		}
	}()
	pids := func() []string {
		text, _ := os.ReadFile(filepath.Join(dir, "pids"))
		return strings.Fields(string(text))
	}
	eventually(t, time.Minute, "the command runs", func() error {
		if len(pids()) == 0 {
			return fmt.Errorf("it does not")
		}
		return nil
	})
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	n, err := strconv.Atoi(pids()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(n, syscall.SIGKILL) }()
	if syscall.Kill(n, 0) != nil {
		t.Error("the command went with it")
	}
	c = startCommand(t, dir, entry)
	resp, err := http.Post(c.url, "application/json", strings.NewReader(commandPayload))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || len(pids()) != 1 {
		t.Errorf("answered with %s; it ran %d times", resp.Status, len(pids()))
	}
	eventually(t, time.Minute, "the log says so", func() error {
		if text := tail(c.log); !strings.Contains(text, `"outcome":"failed","reason":"Unknown"`) {
			return fmt.Errorf("it says %s", text)
		}
		return nil
	})
}

// SIGTERM goes to the commands; they are waited for, and their webhook is answered.
func TestCommandTerminated(t *testing.T) {
	dir := t.TempDir()
	c := startCommand(t, dir, "- {cmd: sh, args: [-c, 'trap \"sleep 1; echo bye > $DIR/bye; exit 0\" TERM; echo x > $DIR/began; while :; do sleep 0.1; done']}\n")
	answer := make(chan string, 1)
	go func() {
		resp, err := http.Post(c.url, "application/json", strings.NewReader(commandPayload))
		if err != nil {
			answer <- err.Error()
			return
		}
		resp.Body.Close()
		answer <- resp.Status
	}()
	eventually(t, time.Minute, "the command runs", func() error { _, err := os.Stat(filepath.Join(dir, "began")); return err })
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if got := <-answer; got != "200 OK" {
		t.Errorf("answered with %s", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "bye")); err != nil {
		t.Errorf("it did not wait: %v", err)
	}
}

// quench run hands whole notifications to command, by the sample's Trigger without the dead letters, which it has not.
func TestRunRunsCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "environment")
	commands := filepath.Join(t.TempDir(), "commands.yaml")
	if err := os.WriteFile(commands, []byte(fmt.Sprintf("commands: [{cmd: cp, args: [/proc/self/environ, %s]}]\n", file)), 0o600); err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("../knative/samples/command/trigger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	trigger, _, _ := strings.Cut(string(sample), "    deadLetterSink:")
	if err := os.WriteFile(filepath.Join(filepath.Dir(commands), "trigger.yaml"), []byte(trigger), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GROUP_EVENTS", "true")
	q := startQuench(t, "--listen=127.0.0.1:0", "--triggers="+filepath.Join(filepath.Dir(commands), "trigger.yaml"), "--commands="+commands)
	resp, err := http.Post(q.url, "application/json", strings.NewReader(strings.Replace(commandPayload, `"receiver":"r"`, `"receiver":"executor"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	seen, err := environment(file)
	if resp.StatusCode != http.StatusOK || err != nil || seen["AMX_RECEIVER"] != "executor" || seen["AMX_ALERT_LEN"] != "1" {
		t.Errorf("answered with %s; it saw %v, %v", resp.Status, seen, err)
	}
	records := q.list(t, remediations, "quench.dev/function=command")
	if len(records) != 1 {
		t.Errorf("%d records", len(records))
	}
}
