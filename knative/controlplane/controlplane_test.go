package controlplane_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/knative/controlplane"
	"github.com/quench-dev/quench/tests/kube"
)

func TestStartAndStop(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Binary: kube.Binary(t), Dir: dir, Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != plane.Server() {
		t.Errorf("kubeconfig names %s, want %s", config.Host, plane.Server())
	}
	version, err := discovery.NewDiscoveryClientForConfigOrDie(config).ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Kubernetes %s", version.GitVersion)
	select {
	case <-plane.Done():
		t.Fatal("done before it was stopped")
	default:
	}
	for range 2 {
		if err := plane.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	<-plane.Done()
	if err := plane.Err(); err != nil {
		t.Errorf("error after a stop: %v", err)
	}
	if filepath.Dir(plane.Kubeconfig()) != dir {
		t.Errorf("kubeconfig is %s, want it in %s", plane.Kubeconfig(), dir)
	}
}

// Binaries that are not what they should be.
func TestStartOf(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		limit  time.Duration
		want   string
	}{
		"one that ends":         {script: "echo etcd: disk is full >&2; exit 3", limit: time.Minute, want: "exit status 3; its last words:\netcd: disk is full"},
		"one that says nothing": {script: "true", limit: time.Minute, want: "it ended; its last words:\n(nothing)"},
		"one that is never ready": {
			script: "echo waiting; cat", limit: 200 * time.Millisecond, want: "context deadline exceeded; its last words:\nwaiting",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.limit)
			defer cancel()
			_, err := controlplane.Start(ctx, controlplane.Options{Binary: script(t, c.script)})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestEndsOnItsOwn(t *testing.T) {
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Binary: script(t,
		"echo hello; echo 'ready kubeconfig=/a folder/kubeconfig server=https://127.0.0.1:1'; echo out of memory >&2; exit 1")})
	if err != nil {
		t.Fatal(err)
	}
	if plane.Kubeconfig() != "/a folder/kubeconfig" || plane.Server() != "https://127.0.0.1:1" {
		t.Errorf("kubeconfig %q, server %q", plane.Kubeconfig(), plane.Server())
	}
	<-plane.Done()
	if err := plane.Err(); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("error is %v", err)
	}
	if err := plane.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if plane.Err() == nil {
		t.Error("the error is gone after Stop")
	}
}

func TestFind(t *testing.T) {
	inPath := script(t, "true")
	dir := t.TempDir()
	for name, c := range map[string]struct {
		variable, path string
		want           string
		err            string
	}{
		"named":            {variable: inPath, want: inPath},
		"named, not there": {variable: filepath.Join(dir, "none"), path: filepath.Dir(inPath), err: "make controlplane"},
		"named, a folder":  {variable: dir, err: "not an executable file"},
		"in PATH":          {path: filepath.Dir(inPath), want: inPath},
		"nowhere":          {path: dir, err: "make controlplane"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(controlplane.Variable, c.variable)
			t.Setenv("PATH", c.path)
			got, err := controlplane.Find()
			if got != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %q, %v; want %q, %q", got, err, c.want, c.err)
			}
			if name == "nowhere" && !errors.Is(err, controlplane.ErrNotFound) {
				t.Errorf("%v is not ErrNotFound", err)
			}
		})
	}
}

// script makes a stand-in for the binary.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quench-controlplane")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
