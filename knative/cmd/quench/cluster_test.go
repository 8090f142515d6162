package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestKubectlIsOneThatIsThere(t *testing.T) {
	empty, build, onPath := t.TempDir(), t.TempDir(), t.TempDir()
	for _, dir := range []string{build, onPath} {
		if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ path, own, want string }{
		{onPath, filepath.Join(build, "quench"), "kubectl"},
		{empty, filepath.Join(build, "quench"), filepath.Join(build, "kubectl")},
		{empty, filepath.Join(empty, "quench"), "kubectl"},
		{empty, "quench", "kubectl"},
	} {
		t.Setenv("PATH", c.path)
		if got := kubectl(c.own); got != c.want {
			t.Errorf("PATH=%s, %s: %s, want %s", c.path, c.own, got, c.want)
		}
	}
}
