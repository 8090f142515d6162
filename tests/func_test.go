package tests

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/controlplane"
	"github.com/quench-dev/quench/knative/install"
	"github.com/quench-dev/quench/tests/published"
)

// Knative's func CLI builds the repository as it is and runs it, and the running
// function answers an alert event with its outcome event, having created the Job.
func TestFuncBuildsAndRuns(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "quench")
	published.Copy(t, "..", folder)
	// Not GOFLAGS as it stands: func's scaffolding has to update its own go.mod.
	env := append(os.Environ(), "GOFLAGS=-mod=mod", "XDG_CONFIG_HOME="+t.TempDir())
	build := exec.Command(binary(t, "func"), "build", "--builder=host", "--registry=example.com/alerts")
	build.Dir, build.Env = folder, env
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("func build: %v\n%s", err, out)
	}

	plane, err := controlplane.Start(t.Context(), controlplane.Options{Binary: binary(t, "quench-controlplane")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if err := install.CRDs(t.Context(), config); err != nil {
		t.Fatal(err)
	}

	url := funcRun(t, folder, append(env, "KUBECONFIG="+plane.Kubeconfig(), "JOBS_FILE="+filepath.Join(folder, "knative/samples/jobs.yaml")))
	body, err := os.ReadFile("payloads/firing.json")
	if err != nil {
		t.Fatal(err)
	}
	payload, err := alert.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	e, err := (&alert.Encoder{Source: alert.Source("default")}).ToEvent(payload.Alerts[0], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	request, err := cehttp.NewHTTPRequestFromEvent(t.Context(), url, e)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	outcome, err := cehttp.NewEventFromHTTPResponse(resp)
	if err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	if outcome.Type() != "dev.quench.action.succeeded" || outcome.Extensions()["causationid"] != e.ID() {
		t.Errorf("outcome: %v", outcome)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.Resource(jobs).Namespace("default").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("%v Jobs, %v", list, err)
	}
}

// funcRun starts "func run" and answers where its function listens.
func funcRun(t *testing.T, folder string, env []string) (url string) {
	t.Helper()
	run := exec.Command(binary(t, "func"), "run", "--builder=host")
	run.Dir, run.Env = folder, env
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it starts children that end with the group
	out, in := io.Pipe()
	run.Stdout, run.Stderr = in, in
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = run.Wait()
		_ = in.Close()
		close(ended)
	}()
	lines := make(chan string, 1000)
	go func() {
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
		close(lines)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-run.Process.Pid, syscall.SIGTERM)
		timer := time.AfterFunc(30*time.Second, func() { _ = syscall.Kill(-run.Process.Pid, syscall.SIGKILL) })
		defer timer.Stop()
		<-ended
	})
	var said strings.Builder
	limit := time.After(5 * time.Minute)
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("func run ended:\n%s", said.String())
			}
			fmt.Fprintln(&said, line)
			if _, address, found := strings.Cut(line, "running on "); found {
				return "http://" + strings.TrimSpace(address) + "/"
			}
		case <-limit:
			t.Fatalf("func run does not listen:\n%s", said.String())
		}
	}
}
