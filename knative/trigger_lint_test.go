package knative_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quench-dev/quench/knative/trigger/lint"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// Of what is shipped lint finds nothing, not even a warning: neither in the folders that are applied, nor in the files with
// Triggers, nor in the template's.
func TestLintFindsNothingInWhatIsShipped(t *testing.T) {
	paths := slices.Concat(installations, []string{"base", notifierSample})
	for _, pattern := range []string{"base/*/trigger*.yaml", "base/*/approvals.yaml", "samples/triggers.yaml", "components/*/trigger.yaml", "samples/*/trigger*.yaml", "samples/*/approvals.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, files...)
	}
	if len(paths) < 15 {
		t.Fatalf("only %v: there must be more", paths)
	}
	for _, path := range paths {
		set, err := source.Open(t.Context(), source.Options{Paths: []string{path}})
		if err != nil {
			t.Error(err)
			continue
		}
		looked(t, path, set)
	}
	text, err := os.ReadFile("../function/templates/go/remediation/trigger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, err := source.Open(t.Context(), source.Options{Paths: []string{"-"}, Stdin: strings.NewReader(strings.ReplaceAll(string(text), "NAME", "restart"))})
	if err != nil {
		t.Fatal(err)
	}
	looked(t, "the template's Triggers", set)
}

func looked(t *testing.T, path string, set *source.Set) {
	t.Helper()
	findings, err := lint.Run(t.Context(), set.Objects, lint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Kind("eventing.knative.dev", "Trigger")) == 0 {
		t.Errorf("%s: no Trigger", path)
	}
	for _, f := range findings {
		t.Errorf("%s: %s: %s %s: %s", path, f.ID, f.Trigger, f.Field, f.Why)
	}
}

// The README's table of findings is that of the code.
func TestREADMEHasEveryFinding(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range lint.Rules {
		want = append(want, "| `"+r.ID+"` | "+string(r.Severity)+" | "+r.What+" |")
	}
	rows := regexp.MustCompile("(?m)^\\| `[a-z-]+` \\| (error|warning) \\| .*$").FindAllString(string(text), -1)
	if !slices.Equal(rows, want) {
		t.Errorf("the README has\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
}
