package main

import (
	"os"
	"testing"

	"github.com/quench-dev/quench/knative/cli"
)

// README.md is what `go generate` makes of the commands.
func TestReferenceIsCurrent(t *testing.T) {
	got, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(cli.Reference(newRoot())) {
		t.Error("README.md is not what the commands say: go generate ./knative/cmd/quench")
	}
}
