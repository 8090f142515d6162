//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
)

// The README's "Deploy with func", by the func CLI itself: job-runner from the root, in the place of kustomize's Service
// and behind kustomize's Trigger, and other functions from the same image, by its digest. Its text is what runs here.
func TestFuncDeploys(t *testing.T) {
	f := newFunc(t)
	overlay, first, others := f.blocks[0], f.blocks[1], f.blocks[2]
	f.installWithoutService(t, overlay)

	f.run(t, first)
	f.pinsAreOurs(t)
	f.actsOn(t, "job-runner")
	must(t, "", "wait", "trigger/job-runner", "-n", f.namespace, "--for=condition=Ready", "--timeout=60s")

	// Every function that there is, and one that is sure to be there. What command needs beside is a sample's.
	must(t, "", "create", "serviceaccount", "command", "-n", f.namespace)
	must(t, "", "create", "configmap", "quench-commands", "-n", f.namespace, "--from-file="+filepath.Join(root, "knative/samples/command/commands.yaml"))
	f.addFunction(t)
	folders, err := filepath.Glob(filepath.Join(f.folder, "function/*/func.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// What notifier's sample brings, which is not in the overlay.
	must(t, "", "create", "serviceaccount", "notifier", "-n", f.namespace)
	must(t, "", "create", "configmap", "quench-notifier", "-n", f.namespace, "--from-file=notifier/notifier.yaml")
	must(t, "", "create", "secret", "generic", "quench-notifier", "-n", f.namespace, "--from-literal=slack-token=xoxb-1234-stand-in")
	for _, file := range folders {
		f.run(t, strings.ReplaceAll(others, "NAME", filepath.Base(filepath.Dir(file))))
	}
	images := strings.Fields(must(t, "", "get", "ksvc", "-n", f.namespace, "-o",
		"jsonpath={range .items[?(@.metadata.labels.boson\\.dev/function)]}{.spec.template.spec.containers[0].image}{\"\\n\"}{end}"))
	if len(images) != len(folders)+1 {
		t.Fatalf("func deployed %d Services, want %d", len(images), len(folders)+1)
	}
	for _, image := range images {
		if image != images[0] || !strings.Contains(image, "/job-runner@sha256:") {
			t.Errorf("Services have the images %q, want the one that was built, by its digest", images)
		}
	}
	f.subscribes(t)

	if said := f.run(t, "func list --namespace "+f.namespace); !strings.Contains(said, "job-runner") || !strings.Contains(said, byDigest) {
		t.Errorf("func list says:\n%s", said)
	}
	if said := f.run(t, "func describe"); !strings.Contains(said, "job-runner") {
		t.Errorf("func describe says:\n%s", said)
	}
	f.run(t, "func delete --path function/"+byDigest)
	eventually(t, time.Minute, "func's Service and Trigger to be gone", func(ctx context.Context) error {
		left, err := kubectl(ctx, "", "get", "ksvc/"+byDigest, "trigger/"+subscription, "-n", f.namespace, "--ignore-not-found", "-o", "name")
		if err == nil && left != "" {
			err = fmt.Errorf("there still is %s", left)
		}
		return err
	})
}

// byDigest is the function that is there for the test alone: job-runner once more, under another name.
const byDigest = "by-digest"

// addFunction adds one with a func.yaml of its own. It is cluster-local: a label is all that takes.
func (f *funcCLI) addFunction(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "func.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	own := strings.Replace(string(text), "\nname: job-runner\n", "\nname: "+byDigest+"\n", 1)
	if !strings.Contains(own, "cluster-local") {
		own = strings.Replace(own, "\ndeploy:\n", "\ndeploy:\n  labels:\n    - key: networking.knative.dev/visibility\n      value: cluster-local\n", 1)
	}
	folder := filepath.Join(f.folder, "function", byDigest)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "func.yaml"), []byte(own), 0o644); err != nil {
		t.Fatal(err)
	}
}

// subscription is the name that func gives to its first Trigger.
const subscription = byDigest + "-function-trigger-0"

// subscribes tries func subscribe, and holds what the README says of its limits.
func (f *funcCLI) subscribes(t *testing.T) {
	t.Helper()
	deploy := "func deploy --path function/" + byDigest + ` --image "$image" --build=false --push=false --namespace ` + f.namespace
	deploy = "image=$(sed -n 's/^  image: //p' func.yaml); " + deploy
	subscribe := "func subscribe --path function/" + byDigest + " --source default "

	f.run(t, subscribe+"--filter type=io.prometheus.alertmanager.alert.firing --filter remediation="+byDigest)
	f.run(t, deploy)
	made := f.trigger(t)
	if made.Spec.Filter == nil || made.Spec.Filters != nil || made.Spec.Delivery != nil {
		t.Errorf("func's Trigger is %+v; the README says: exact filters, nothing of delivery", made.Spec)
	}
	must(t, "", "wait", "trigger/"+subscription, "-n", f.namespace, "--for=condition=Ready", "--timeout=60s")
	if sink := f.trigger(t).Status.DeadLetterSinkURI; sink == nil || !strings.HasPrefix(sink.Host, "dead-letter.") {
		t.Errorf("func's Trigger ends at %v, not at the Broker's dead letters", sink)
	}
	f.actsOn(t, byDigest)

	// Another type for the same Broker overwrites the first, and changes no Trigger.
	f.run(t, subscribe+"--filter type=io.prometheus.alertmanager.alert.resolved")
	f.run(t, deploy)
	text, err := os.ReadFile(filepath.Join(f.folder, "function", byDigest, "func.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "alert.firing") || strings.Count(string(text), "source: default") != 1 {
		t.Errorf("func.yaml has more than the last type of one subscription:\n%s", text)
	}
	if now := f.trigger(t); now.Generation != made.Generation || now.UID != made.UID {
		t.Errorf("func changed its Trigger to %+v", now.Spec)
	}
	if names := must(t, "", "get", "trigger", "-n", f.namespace, "-o", "name"); strings.Count(names, byDigest) != 1 {
		t.Errorf("there are the Triggers:\n%s", names)
	}
}

func (f *funcCLI) trigger(t *testing.T) eventingv1.Trigger {
	t.Helper()
	var trigger eventingv1.Trigger
	if err := json.Unmarshal([]byte(must(t, "", "get", "trigger", subscription, "-n", f.namespace, "-o", "json")), &trigger); err != nil {
		t.Fatal(err)
	}
	return trigger
}

var dependency = regexp.MustCompile(`(?m)^\tdep\t(\S+)\t(\S+)`)

// pinsAreOurs says that what func has built has the modules of quench's own go.mod, though its scaffolding names older ones.
func (f *funcCLI) pinsAreOurs(t *testing.T) {
	t.Helper()
	ours := map[string]string{}
	for line := range strings.Lines(f.run(t, "GOFLAGS=-mod=readonly go list -m all")) {
		if module := strings.Fields(line); len(module) > 1 {
			ours[module[0]] = module[1]
		}
	}
	linked := dependency.FindAllStringSubmatch(f.run(t, "go version -m .func/build/result/f.linux.$(go env GOARCH)"), -1)
	for _, module := range linked {
		if want, known := ours[module[1]]; known && module[2] != want {
			t.Errorf("func linked %s %s; go.mod says %s", module[1], module[2], want)
		}
	}
	if len(linked) < 10 {
		t.Errorf("func linked %d modules", len(linked))
	}
}
