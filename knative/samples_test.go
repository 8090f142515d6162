package knative_test

import (
	"testing"

	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/jobrunner"
)

// job-runner starts with the rules that are shipped, and with the samples.
func TestRulesParse(t *testing.T) {
	for _, file := range []string{"base/job-runner/jobs.yaml", "samples/jobs.yaml", "samples/site/jobs.yaml"} {
		if rules, err := jobrunner.Load(file); err != nil || len(rules) == 0 {
			t.Errorf("%s: %d rules, %v", file, len(rules), err)
		}
	}
}

// So does image-patcher with its sample.
func TestImageRulesParse(t *testing.T) {
	if rules, err := imagepatcher.Load("samples/images.yaml"); err != nil || len(rules) != 4 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
}

// And enricher.
func TestEnricherRulesParse(t *testing.T) {
	if rules, err := enricher.Load("samples/enricher.yaml", false); err != nil || len(rules) != 2 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
}
