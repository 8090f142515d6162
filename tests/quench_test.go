package tests

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	jobs         = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	remediations = schema.GroupVersionResource{Group: "quench.dev", Version: "v1alpha1", Resource: "remediations"}
)

// quench is "quench run" as a child process, with the sample Triggers and rules.
type quench struct {
	url       string
	namespace string
	client    dynamic.Interface
	cmd       *exec.Cmd
}

// startQuench starts it and waits until it listens. Without a kubeconfig among
// the arguments it brings the embedded control plane.
func startQuench(t *testing.T, args ...string) *quench {
	t.Helper()
	args = append([]string{"run", "--log-format=json", "--triggers=../knative/samples/triggers.yaml", "--jobs=../knative/samples/jobs.yaml"}, args...)
	cmd := exec.Command(binary(t, "quench"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG=", "QUENCH_CONTROLPLANE="+binary(t, "quench-controlplane"))
	logs, err := os.Create(filepath.Join(t.TempDir(), "quench.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = logs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("quench's log:\n%s", tail(logs.Name()))
		}
	})
	listening := make(chan map[string]string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			_, _ = logs.WriteString(lines.Text() + "\n")
			var line map[string]any
			if json.Unmarshal(lines.Bytes(), &line) == nil && line["message"] == "listening" {
				fields := map[string]string{}
				for k, v := range line {
					fields[k], _ = v.(string)
				}
				listening <- fields
			}
		}
		close(listening)
	}()
	select {
	case fields, ok := <-listening:
		if !ok {
			t.Fatalf("quench ended before it listened:\n%s", tail(logs.Name()))
		}
		q := &quench{url: fields["url"], namespace: fields["namespace"], cmd: cmd}
		config, err := clientcmd.BuildConfigFromFlags("", fields["kubeconfig"])
		if err != nil {
			t.Fatal(err)
		}
		if q.client, err = dynamic.NewForConfig(config); err != nil {
			t.Fatal(err)
		}
		return q
	case <-time.After(2 * time.Minute):
		t.Fatalf("quench did not listen within 2 minutes:\n%s", tail(logs.Name()))
		return nil
	}
}

// list is what a namespace holds of a kind.
func (q *quench) list(t *testing.T, kind schema.GroupVersionResource, selector string) []unstructured.Unstructured {
	t.Helper()
	list, err := q.client.Resource(kind).Namespace(q.namespace).List(context.Background(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}
