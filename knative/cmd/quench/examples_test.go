package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/knative/archive"
	"github.com/quench-dev/quench/knative/controlplane"
	"github.com/quench-dev/quench/knative/install"
	"github.com/quench-dev/quench/tests/kube"
)

// example says what a line needs besides the folder testdata/examples, a cluster with quench's definitions, keys and
// policy in $KUBECONFIG, and itself.
type example struct {
	notRun  string   // why it is not run, and what shows instead that it works
	instead string   // what is run, where the line itself would meet what else is on this machine
	until   string   // of a line that serves: what it says once it does; it is then ended by SIGTERM
	env     []string // beside the world's
	// meanwhile is done again and again until it has said it
	meanwhile func(*testing.T, *exampleWorld)
}

// examples are the lines that need more. Every other line is run as it stands, and has to end with 0.
var examples = map[string]example{
	"quench run --triggers knative/samples/triggers.yaml --jobs knative/samples/jobs.yaml": {
		instead: "quench run --triggers knative/samples/triggers.yaml --jobs knative/samples/jobs.yaml --listen 127.0.0.1:0",
		env:     []string{"KUBECONFIG="}, until: "listening",
	},
	"quench run --triggers triggers/ --jobs jobs.yaml --kubeconfig ~/.kube/config": {
		instead: "quench run --triggers triggers/ --jobs jobs.yaml --kubeconfig ~/.kube/config --listen 127.0.0.1:0", until: "dry run",
	},
	"quench run --triggers triggers/ --jobs jobs.yaml --kubeconfig ~/.kube/config --act": {
		instead: "quench run --triggers triggers/ --jobs jobs.yaml --kubeconfig ~/.kube/config --act --listen 127.0.0.1:0", until: "acts",
	},
	"quench command -l :8080 ./reboot --now":                  {instead: "quench command -l 127.0.0.1:0 ./reboot --now", until: "listening"},
	"quench command -f executor.yml -v":                       {until: "listening"},
	"quench approve 3f2a9c81b0de --key alice.key":             {notRun: "it takes a proposal and a Broker behind the API server's proxy: TestProposalsAreApprovedThroughTheBroker in tests/e2e does it"},
	"quench reject 3f2a9c81b0de --key alice.key":              {notRun: "it takes a proposal and a Broker behind the API server's proxy: TestProposalsAreApprovedThroughTheBroker in tests/e2e does it"},
	"quench events show 1234":                                 {instead: "quench events show 1"},
	"quench events story 1234":                                {instead: "quench events story 1"},
	"quench events tail":                                      {until: "KubePodCrashLooping", meanwhile: alerting},
	"quench events tail --alert KubePodCrashLooping -o jsonl": {until: "KubePodCrashLooping", meanwhile: alerting},
	"quench trigger watch --triggers my-triggers/ --archive http://localhost:8080/ --since 10m": {until: "KubePodCrashLooping", meanwhile: alerting},
	"quench trigger watch":         {notRun: "it takes a Broker that delivers: TestReplayHealsAnOutage in tests/e2e does it"},
	"quench replay --dead-letters": {notRun: "it takes a Broker behind the API server's proxy: TestReplayHealsAnOutage in tests/e2e does it"},
	"quench replay --since 2h --filter \"namespace = 'shop'\" --rate 1/s":                  {instead: "quench replay --since 2h --filter \"namespace = 'shop'\" --rate 1/s --dry-run"},
	"quench replay --id 8f14e45fceea167a5a36dedd4bea2543 --again --operator-key alice.key": {instead: "quench replay --id 8f14e45fceea167a5a36dedd4bea2543 --again --operator-key alice.key --dry-run"},
	"quench keys rotate                             # takes 3 minutes":                     {instead: "quench keys rotate --wait 1s"},
}

// patient is what one line may take on a slow machine.
const patient = 2 * time.Minute

// Every line of every command's examples works. A command that can be run has at least one.
func TestExamples(t *testing.T) {
	w := newExampleWorld(t)
	root := newRoot()
	root.InitDefaultCompletionCmd()
	left := map[string]bool{}
	for line := range examples {
		left[line] = true
	}
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, below := range c.Commands() {
			visit(below)
		}
		if c.Hidden || c.HasParent() && c.Parent().Name() == "completion" {
			return // cobra's own says how to install it, in words
		}
		lines := exampleLines(c.Example)
		if c.Runnable() && !c.HasAvailableSubCommands() && c.Name() != "help" && len(lines) == 0 {
			t.Errorf("%s has no example: give its cobra.Command one line that works", c.CommandPath())
		}
		for _, line := range lines {
			delete(left, line)
			t.Run(line, func(t *testing.T) { w.run(t, c, line) })
		}
	}
	visit(root)
	for line := range left {
		if _, _, err := root.Find(strings.Fields(line)[1:]); err != nil {
			continue // of a command that is not in this program
		}
		t.Errorf("%q is no command's example: take it out of the table", line)
	}
}

// exampleLines are the lines that a shell would do something for.
func exampleLines(text string) []string {
	var all []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// exampleWorld is the folder that lines are run in.
type exampleWorld struct {
	folder  string
	env     []string
	archive string // the URL of one that holds what is in testdata/examples/archive
	alerts  int    // that came since
}

func newExampleWorld(t *testing.T) *exampleWorld {
	t.Helper()
	repository, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	w := &exampleWorld{folder: t.TempDir()}
	must(t, os.CopyFS(w.folder, os.DirFS("testdata/examples")))
	for _, name := range []string{"knative", "config", "tests"} {
		must(t, os.Symlink(filepath.Join(repository, name), filepath.Join(w.folder, name)))
	}
	must(t, os.Symlink(filepath.Join(repository, "knative/samples/jobs.yaml"), filepath.Join(w.folder, "jobs.yaml")))
	for _, folder := range []string{"triggers", "my-triggers"} {
		must(t, os.Mkdir(filepath.Join(w.folder, folder), 0o755))
		must(t, os.Symlink(filepath.Join(repository, "knative/samples/triggers.yaml"), filepath.Join(w.folder, folder, "triggers.yaml")))
	}
	home := filepath.Join(w.folder, "home")
	kubeconfig := filepath.Join(home, ".kube/config")
	must(t, os.MkdirAll(filepath.Dir(kubeconfig), 0o755))
	// A control plane of its own: what is in the namespace quench is what the examples put there.
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Binary: kube.Binary(t)})
	must(t, err)
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig())
	must(t, err)
	must(t, writeKubeconfig(config, kubeconfig))
	w.env = append(os.Environ(), "HOME="+home, "KUBECONFIG="+kubeconfig, "STATE_DIRECTORY="+filepath.Join(home, "state"),
		"QUENCH_CONTROLPLANE="+kube.Binary(t))
	must(t, install.CRDs(t.Context(), config))
	client, err := kubernetes.NewForConfig(config)
	must(t, err)
	_, err = client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "quench"}}, metav1.CreateOptions{})
	must(t, err)
	policy, err := os.ReadFile("../../base/policy.yaml")
	must(t, err)
	_, err = client.CoreV1().ConfigMaps("quench").Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "quench-policy"}, Data: map[string]string{"policy.yaml": string(policy)},
	}, metav1.CreateOptions{})
	must(t, err)
	eventing, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "knative.dev/eventing").Output()
	must(t, err)
	w.env = append(w.env, "PATH="+os.Getenv("PATH")+":"+filepath.Join(repository, ".build"), "EVENTING="+strings.TrimSpace(string(eventing)))
	w.shell(t, `kubectl apply -f $EVENTING/config/core/resources/trigger.yaml -f $EVENTING/config/core/resources/broker.yaml -f knative/cmd/quench/testdata/serving.yaml
kubectl wait --for=condition=Established --timeout=60s crd/triggers.eventing.knative.dev crd/brokers.eventing.knative.dev crd/services.serving.knative.dev
for f in knative/base/broker.yaml knative/base/*/service.yaml knative/base/*/trigger.yaml; do kubectl apply -n quench -f $f; done
quench keys ensure
quench keys new --operator alice`)
	w.fillArchive(t)
	w.env = append(w.env, "QUENCH_ARCHIVE="+w.archive)
	return w
}

// fillArchive starts an archive that holds the events of testdata/examples/archive, each a CloudEvent in a line: an alert's
// whole story, and what no function took.
func (w *exampleWorld) fillArchive(t *testing.T) {
	t.Helper()
	var c config.Archive
	must(t, config.Load(&c))
	c.File = filepath.Join(t.TempDir(), "archive.db")
	store, err := archive.Open(t.Context(), c)
	must(t, err)
	s := httptest.NewServer(archive.New(c, store, zerolog.Nop()).Handler())
	t.Cleanup(func() {
		s.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.archive = s.URL + "/"
	for file, path := range map[string]string{"events.jsonl": "", "letters.jsonl": "dead-letters"} {
		text, err := os.ReadFile(filepath.Join(w.folder, "archive", file))
		must(t, err)
		for line := range strings.Lines(string(text)) {
			w.keep(t, path, line)
		}
	}
}

// keep has the archive take an event.
func (w *exampleWorld) keep(t *testing.T, path, event string) {
	t.Helper()
	resp, err := http.Post(w.archive+path, "application/cloudevents+json", strings.NewReader(event))
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("the archive answers %s to %s", resp.Status, event)
	}
}

// alerting has one more alert come, for what follows the archive.
func alerting(t *testing.T, w *exampleWorld) {
	w.alerts++
	w.keep(t, "", fmt.Sprintf(`{"specversion":"1.0","id":"followed-%d","source":"/alertmanager/default",`+
		`"type":"io.prometheus.alertmanager.alert.firing","alertname":"KubePodCrashLooping","correlationid":"followed"}`, w.alerts))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs an example's line as somebody would who has copied it.
func (w *exampleWorld) run(t *testing.T, c *cobra.Command, line string) {
	e := examples[line]
	if e.notRun != "" {
		t.Skip(e.notRun)
	}
	if e.instead != "" {
		line = e.instead
	}
	line = strings.ReplaceAll(line, "http://localhost:8080/", w.archive)
	if e.until != "" {
		w.serve(t, line, e)
		return
	}
	if out, err := w.command(t.Context(), line, e.env...).CombinedOutput(); err != nil {
		t.Errorf("an example of %s does not work: %v\n%s\nIt is run in a copy of testdata/examples; what else it needs "+
			"goes there, or into the table in examples_test.go. One that serves says there until when: it was killed after %s.", c.CommandPath(), err, out, patient)
	}
}

// serve starts a line, waits until it serves, and ends it.
func (w *exampleWorld) serve(t *testing.T, line string, e example) {
	said := &watched{until: e.until, seen: make(chan struct{})}
	cmd := w.command(t.Context(), "exec "+line, e.env...)
	cmd.Stdout, cmd.Stderr = said, said
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for up := false; !up; {
		select {
		case <-said.seen:
			up = true
		case err := <-ended:
			t.Fatalf("it ended (%v) before it said %q:\n%s", err, e.until, said)
		case <-again.C:
			if e.meanwhile != nil {
				e.meanwhile(t, w)
			}
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := <-ended; err != nil {
		t.Errorf("told to end it says %v:\n%s", err, said)
	}
}

func (w *exampleWorld) shell(t *testing.T, line string) {
	t.Helper()
	if out, err := w.command(t.Context(), line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// command is killed with its patience over, so that a line that serves without being known to does not hang the test.
func (w *exampleWorld) command(ctx context.Context, line string, env ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(ctx, patient)
	context.AfterFunc(ctx, cancel)
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", line)
	cmd.Dir, cmd.Env, cmd.WaitDelay = w.folder, append(w.env, env...), 10*time.Second
	return cmd
}

// watched is output that somebody waits for a part of.
type watched struct {
	until string
	seen  chan struct{}

	mu  sync.Mutex
	b   bytes.Buffer
	was bool
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b.Write(p)
	if !w.was && strings.Contains(w.b.String(), w.until) {
		w.was = true
		close(w.seen)
	}
	return len(p), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}
