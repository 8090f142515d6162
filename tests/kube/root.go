package kube

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// moduleRoot is the folder of the project's main module, seen from the folder that a test runs in: that of its package.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find module root: %w", err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.Contains(text, []byte("module github.com/quench-dev/quench\n")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find module root: no go.mod of github.com/quench-dev/quench in this folder or above")
		}
		dir = parent
	}
}
