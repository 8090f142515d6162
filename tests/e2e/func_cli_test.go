//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/tests/published"
)

// funcCLI runs the README's commands in a copy of the repository, since func writes into func.yaml and beside it.
type funcCLI struct {
	folder    string
	namespace string
	blocks    []string // of the README: what is indented, with this cluster's names
	env       []string
}

func newFunc(t *testing.T) *funcCLI {
	t.Helper()
	registry := funcRegistry(t)
	f := &funcCLI{folder: filepath.Join(t.TempDir(), "quench"), namespace: fmt.Sprintf("func-%d", time.Now().UnixNano())}
	f.env = funcEnvironment(t)
	f.copyRepository(t)
	names := strings.NewReplacer("example.com/alerts", registry+"/"+f.namespace, "--namespace quench", "--namespace "+f.namespace)
	for _, block := range published.Commands(t, root, "### Deploy with func") {
		f.blocks = append(f.blocks, names.Replace(block))
	}
	if len(f.blocks) != 3 {
		t.Fatalf("the README has %d blocks on deploying with func, not the three that the test knows", len(f.blocks))
	}
	return f
}

// funcRegistry is where func pushes to.
func funcRegistry(t *testing.T) string {
	t.Helper()
	registry, _, found := strings.Cut(image, "/")
	if !found || !strings.Contains(image, "@") {
		t.Skipf("%s is in no registry that func could push to", image)
	}
	return registry
}

// funcEnvironment is what func and kubectl run with. func asks for what it is not told where it finds a terminal, and keeps
// settings of the user's.
func funcEnvironment(t *testing.T) []string {
	t.Helper()
	bin, err := filepath.Abs(filepath.Join(root, ".build"))
	if err != nil {
		t.Fatal(err)
	}
	kubectlFolder, err := filepath.Abs(filepath.Dir(kubectlPath))
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "KUBECONFIG="+cluster.kubeconfig, "XDG_CONFIG_HOME="+t.TempDir(),
		"PATH="+bin+":"+kubectlFolder+":"+os.Getenv("PATH"))
}

// run runs commands in the copy as a script, and answers what they say.
func (f *funcCLI) run(t *testing.T, script string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir, command.Env = f.folder, f.env
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v of\n%s\nwhich said\n%s", err, script, out)
	}
	return string(out)
}

var quenchNamespace = regexp.MustCompile(`(?m)((?:namespace|^kind: Namespace\nmetadata:\n  name): )quench\b`)

// copyRepository copies it as it stands, without what git ignores. quench's own namespace is another one in the copy's
// manifests, since in the real one job-runner is kustomize's.
func (f *funcCLI) copyRepository(t *testing.T) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "knative/base/") || strings.HasPrefix(name, "knative/overlays/") {
			content = quenchNamespace.ReplaceAll(content, []byte("${1}"+f.namespace))
		}
		to := filepath.Join(f.folder, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// installWithoutService applies an overlay with the README's patch: all of quench but job-runner's Service.
func (f *funcCLI) installWithoutService(t *testing.T, patches string) {
	t.Helper()
	name, digest, _ := strings.Cut(image, "@")
	overlay := fmt.Sprintf("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../knative/overlays/standard]\n"+
		"images: [{ name: quench-dev/quench, newName: %q, digest: %s }]\n%s", name, digest, patches)
	folder := filepath.Join(f.folder, "site")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(overlay), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := kubectl(context.Background(), "", "delete", "namespace", f.namespace, "--ignore-not-found", "--wait=false"); err != nil {
			t.Error(err)
		}
	})
	f.run(t, "kubectl apply -k site")
	must(t, "", "wait", "broker/default", "-n", f.namespace, "--for=condition=Ready", "--timeout=120s")
	if names := must(t, "", "get", "ksvc", "-n", f.namespace, "-o", "name"); strings.Contains(names, "job-runner") {
		t.Fatalf("the README's patch leaves job-runner where it is:\n%s", names)
	}
}

// actsOn posts an alert's event to the Broker, with the label remediation, and waits for the record of the Job.
func (f *funcCLI) actsOn(t *testing.T, remediation string) {
	t.Helper()
	labels := unique(t, "alertname", "QuenchTest", "remediation", remediation)
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": "{}", "receiver": "quench", "status": "firing",
		"alerts": []any{map[string]any{
			"status": "firing", "labels": labels, "startsAt": time.Now(), "fingerprint": fingerprint(labels),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := alert.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	event, err := (&alert.Encoder{Source: alert.Source("default")}).ToEvent(payload.Alerts[0], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := signer(t, f.namespace).Sign(&event); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	// Until the Trigger's filter is in place the Broker takes the event and lets it go. Sent twice it is done once.
	eventually(t, 90*time.Second, "a Job for "+remediation, func(ctx context.Context) error {
		err := through(cluster.client.CoreV1().RESTClient().Post(), eventing, "services", "broker-ingress:http", f.namespace+"/default").
			SetHeader("Content-Type", "application/cloudevents+json").Body(text).Do(ctx).Error()
		if err != nil {
			return fmt.Errorf("post event: %w", err)
		}
		found, err := kubectl(ctx, "", "get", "jobs,remediations", "-n", f.namespace, "-o", "name", "-l", "quench.dev/fingerprint="+fingerprint(labels))
		if err == nil && !strings.Contains(found, "job.batch/") {
			err = fmt.Errorf("there is %q", found)
		}
		return err
	})
}
