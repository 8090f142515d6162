package tests

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/controlplane"
	"github.com/quench-dev/quench/knative/install"
	"github.com/quench-dev/quench/tests/kube"
	"github.com/quench-dev/quench/tests/published"
)

const onesOwn = "## A function of one's own"

// web is what the function restarts.
const web = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: app, image: "app:1" }] }
`

// own runs the README's commands on a function of one's own, with nothing in PATH that a user would not have.
type own struct {
	folder string
	env    []string
}

func newOwn(t *testing.T) *own {
	t.Helper()
	bin := t.TempDir()
	if err := os.Symlink(binary(t, "func"), filepath.Join(bin, "func")); err != nil {
		t.Fatal(err)
	}
	release := published.New(t, "..")
	o := &own{folder: t.TempDir()}
	o.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "XDG_CONFIG_HOME="+t.TempDir(),
		"GOFLAGS=-mod=mod", "CGO_ENABLED=0", "QUENCH_CONTROLPLANE=", "QUENCH_TEST_KUBECONFIG=", "KUBECONFIG=")
	o.env = append(o.env, release.Env...)
	create := strings.ReplaceAll(published.Commands(t, "..", onesOwn)[0], "https://"+published.Module, release.URL)
	if said := o.run(t, create); !strings.Contains(said, "ok  \tfunction\t") {
		t.Fatalf("the created function's tests say:\n%s", said)
	}
	o.folder = filepath.Join(o.folder, "restart")
	return o
}

func (o *own) run(t *testing.T, script string, env ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir, command.Env = o.folder, append(o.env, env...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v of\n%s\nwhich said\n%s", err, script, out)
	}
	return string(out)
}

// What func makes of the template passes its tests, with client-go's fake and with a real kube-apiserver, where it goes
// through the table of all functions; run by func, it restarts what an alert is about, once.
func TestTemplate(t *testing.T) {
	o := newOwn(t)
	if said := o.run(t, "go test -count=1 -v ./..."); !strings.Contains(said, "with client-go's fake in the place of an API server") || !strings.Contains(said, "--- SKIP: TestConforms") {
		t.Errorf("without an API server the tests do not say so:\n%s", said)
	}
	said := o.run(t, "go vet ./... && go test -count=1 -v ./...", "QUENCH_CONTROLPLANE="+binary(t, "quench-controlplane"))
	if strings.Contains(said, "fake") || strings.Contains(said, "--- SKIP") || !strings.Contains(said, "--- PASS: TestConforms/") {
		t.Errorf("with an API server the tests say:\n%s", said)
	}
	o.pinsAreOurs(t)
	o.takesTheBranch(t)

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
	kube.Apply(t, config, []byte(web))

	url := funcRun(t, o.folder, append(o.env, "KUBECONFIG="+plane.Kubeconfig()))
	labels := map[string]string{"alertname": "AppHangs", "namespace": "default", "deployment": "web"}
	hangs := &alert.Alert{Status: alert.Firing, Labels: labels, StartsAt: time.Now().UTC(), Fingerprint: "0123456789abcdef", Group: &alert.Group{Version: "4"}}
	e, err := (&alert.Encoder{Source: alert.Source("default")}).ToEvent(hangs, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		request, err := cehttp.NewHTTPRequestFromEvent(t.Context(), url, e)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := cehttp.NewEventFromHTTPResponse(resp)
		resp.Body.Close()
		if err != nil {
			t.Fatalf("%s: %v", resp.Status, err)
		}
		if outcome.Type() != "dev.quench.action.succeeded" || outcome.Source() != "/quench/restart" || outcome.Subject() != "apps/v1/deployments/default/web" {
			t.Errorf("outcome: %v", outcome)
		}
	}
	out, err := exec.CommandContext(t.Context(), binary(t, "kubectl"), "--kubeconfig="+plane.Kubeconfig(), "get", "deployment/web", "-o", "jsonpath={.metadata.generation}").Output()
	if err != nil || string(out) != "2" {
		t.Errorf("the Deployment is at generation %s, want 2: restarted once (%v)", out, err)
	}
}

var ofTheBranch = regexp.MustCompile("`(go mod edit -require=[^`]+@main)`")

// takesTheBranch tries what the README says for as long as there is no release.
func (o *own) takesTheBranch(t *testing.T) {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	edit := ofTheBranch.FindSubmatch(readme)
	if edit == nil {
		t.Fatal("the README does not say how to take the branch")
	}
	unreleased := "go mod edit -require=" + published.Module + "@v0.1.0"
	before := o.run(t, "go list -m "+published.Module)
	if after := o.run(t, unreleased+"; "+string(edit[1])+"; go list -m "+published.Module); after != before {
		t.Errorf("with the branch it requires %s, want %s", after, before)
	}
}

var required = regexp.MustCompile(`(?m)^(?:require )?\t?([^\s/]+\.[^\s]+) (v\S+)`)

// pinsAreOurs holds that Go took each module in the version that quench requires.
func (o *own) pinsAreOurs(t *testing.T) {
	t.Helper()
	versions := func(name string) map[string]string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, found := range required.FindAllStringSubmatch(string(text), -1) {
			all[found[1]] = found[2]
		}
		return all
	}
	ours, theirs := versions("../go.mod"), versions(filepath.Join(o.folder, "go.mod"))
	for module, version := range theirs {
		if want, known := ours[module]; known && version != want {
			t.Errorf("the function requires %s %s; quench requires %s", module, version, want)
		}
	}
	if len(theirs) < 10 {
		t.Errorf("the function requires %d modules", len(theirs))
	}
}

var (
	released  = regexp.MustCompile(`(?m)^## \[(\d+\.\d+\.\d+)\]`)
	ownModule = regexp.MustCompile(`github\.com/quench-dev/quench v(\S+)`)
)

// The template requires the newest release that the CHANGELOG has; before the first, that one.
func TestTemplateRequiresTheNewestRelease(t *testing.T) {
	want := "0.1.0"
	changelog, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if found := released.FindSubmatch(changelog); found != nil {
		want = string(found[1])
	}
	text, err := os.ReadFile(filepath.Join("..", published.Template))
	if err != nil {
		t.Fatal(err)
	}
	if found := ownModule.FindSubmatch(text); found == nil || string(found[1]) != want {
		t.Errorf("%s requires %q, want v%s", published.Template, found, want)
	}
}
