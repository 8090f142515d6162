//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quench-dev/quench/function/policy"
)

// rule puts a policy into force until the test ends.
func rule(t *testing.T, text string) {
	t.Helper()
	before, err := cluster.client.CoreV1().ConfigMaps(quench).Get(t.Context(), "quench-policy", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { patchPolicy(t, before.Data[policy.Key]) })
	patchPolicy(t, text)
}

func patchPolicy(t *testing.T, text string) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"data": map[string]string{policy.Key: text}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = cluster.client.CoreV1().ConfigMaps(quench).Patch(context.Background(), "quench-policy", types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		t.Errorf("patch policy: %v", err)
	}
}

// The kill switch works at once: an alert that comes while quench is paused is answered, and nothing is done.
func TestPausedPolicyStopsWhatComes(t *testing.T) {
	rule(t, "paused: true\nreason: the cluster is being moved")
	labels := unique(t)
	fire(t, posted{Labels: labels}, alertmanagers[0])
	outcome := awaitRecorded(t, "outcomes", "the outcome", func(r request) bool { return r.attribute("fingerprint") == fingerprint(labels) })
	if reasonOf(outcome) != policy.ReasonPaused || !bytes.Contains(outcome.Body, []byte("the cluster is being moved")) {
		t.Errorf("the outcome is %s", outcome.Body)
	}
	if found, err := jobs(t.Context(), fingerprint(labels)); err != nil || len(found) != 0 {
		t.Errorf("%d Jobs while quench is paused, %v", len(found), err)
	}
}

var proposalID = regexp.MustCompile(`quench approve ([0-9a-f]{12})`)

// What job-runner proposes is done when an operator approves it, with the command that the outcome names, and not before;
// what is rejected is not done.
func TestProposalsAreApprovedThroughTheBroker(t *testing.T) {
	cli := operator(t)
	rule(t, "functions: {job-runner: {mode: propose}}")
	for name, test := range map[string]struct {
		command, says string
		jobs          int
	}{
		"approved": {"approve", "succeeded Created: ", 1},
		"rejected": {"reject", "skipped Rejected: rejected by alice", 0},
	} {
		t.Run(name, func(t *testing.T) {
			labels := unique(t)
			fire(t, posted{Labels: labels}, alertmanagers[0])
			outcome := awaitRecorded(t, "outcomes", "the proposal", func(r request) bool { return r.attribute("fingerprint") == fingerprint(labels) })
			id := proposalID.FindSubmatch(outcome.Body)
			if outcome.attribute("type") != "dev.quench.action.planned" || id == nil {
				t.Fatalf("the outcome is %s", outcome.Body)
			}
			if found, err := jobs(t.Context(), fingerprint(labels)); err != nil || len(found) != 0 {
				t.Fatalf("%d Jobs of a proposal, %v", len(found), err)
			}
			if listed := cli(t, "approve"); !strings.Contains(listed, string(id[1])) {
				t.Errorf("quench approve does not list %s:\n%s", id[1], listed)
			}
			if said := cli(t, test.command, string(id[1])); !strings.Contains(said, test.says) {
				t.Errorf("quench %s does not say %q:\n%s", test.command, test.says, said)
			}
			if found, err := jobs(t.Context(), fingerprint(labels)); err != nil || len(found) != test.jobs {
				t.Errorf("%d Jobs, want %d, %v", len(found), test.jobs, err)
			}
		})
	}
}

// operator is the quench command in the hands of alice, whom functions have come to trust.
func operator(t *testing.T) func(t *testing.T, args ...string) string {
	t.Helper()
	folder := t.TempDir()
	run := func(t *testing.T, args ...string) string {
		t.Helper()
		out, err := quenchCLI(t.Context(), folder, args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	run(t, "keys", "new", "--operator", "alice", "--out", folder)
	run(t, "keys", "trust", filepath.Join(folder, "alice.pub"))
	t.Setenv("QUENCH_KEY", filepath.Join(folder, "alice.key"))
	kill(t, quench, "serving.knative.dev/service=job-runner") // the next pod mounts the key; one that runs has it within two minutes
	return run
}

func quenchCLI(ctx context.Context, folder string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	program, err := filepath.Abs(filepath.Join(root, ".build", "quench"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = folder
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+cluster.kubeconfig)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", errors.Join(fmt.Errorf("quench %s: %s", strings.Join(args, " "), out), err)
	}
	return string(out), nil
}
