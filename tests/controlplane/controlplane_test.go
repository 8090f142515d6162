package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestStopLeavesNothing(t *testing.T) {
	s := start(t)
	info, err := os.Stat(s.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("kubeconfig has mode %o, want 600", mode)
	}
	createNamespace(t, s, "shop")
	s.signal(t, syscall.SIGTERM)
	if code := s.exit(t); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, s.errors())
	}
	s.wantChildrenGone(t)
	if _, err := os.Stat(filepath.Dir(s.kubeconfig)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("temporary folder is still there (%v)", err)
	}
}

func TestDataIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "with a space", strings.Repeat("long", 30))
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	args := []string{"--data", dir, "--kubeconfig", kubeconfig, "--stop-on-stdin-close"}

	first := start(t, args...)
	createNamespace(t, first, "shop")

	second := launch(t, args...)
	if code := second.exit(t); code != 1 || !strings.Contains(second.errors(), "another control plane uses it") {
		t.Errorf("second on the same folder: exit code %d, says %q", code, second.errors())
	}

	_ = first.stdin.Close()
	if code := first.exit(t); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, first.errors())
	}
	first.wantChildrenGone(t)

	third := start(t, args...)
	if third.kubeconfig != kubeconfig {
		t.Errorf("kubeconfig is %s, want %s", third.kubeconfig, kubeconfig)
	}
	if _, err := third.client(t).CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{}); err != nil {
		t.Errorf("namespace of the first start: %v", err)
	}
	third.signal(t, syscall.SIGINT)
	if code := third.exit(t); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, third.errors())
	}
}

func TestKilledSupervisorTakesChildrenAlong(t *testing.T) {
	s := start(t, "--data", t.TempDir())
	s.signal(t, syscall.SIGKILL)
	s.exit(t)
	s.wantChildrenGone(t)
}

func TestStdinClosedWhileStarting(t *testing.T) {
	s := launch(t, "--stop-on-stdin-close")
	_ = s.stdin.Close()
	if code := s.exit(t); code != 1 || !strings.Contains(s.errors(), errStdinClosed.Error()) {
		t.Errorf("exit code %d, says %q", code, s.errors())
	}
}

func TestComponentThatEnds(t *testing.T) {
	s := start(t)
	if err := syscall.Kill(s.children[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := s.exit(t); code != 1 || !strings.Contains(s.errors(), "ended (signal: killed)") {
		t.Errorf("exit code %d, says %q", code, s.errors())
	}
	s.wantChildrenGone(t)
}

func TestStartThatCannotWork(t *testing.T) {
	write := func(t *testing.T, path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		args    []string
		want    string
	}{
		"component does not start": {
			prepare: func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, "pki", "service-account.key"), "not a key")
			},
			want: "kube-apiserver ended (exit status 1):\n",
		},
		"kubeconfig of another cluster": {
			prepare: func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, "kubeconfig"), "current-context: production\n")
			},
			want: "kubeconfig exists and is not a control plane's",
		},
		"argument": {args: []string{"start"}, want: `unexpected argument "start"`},
		"flag":     {args: []string{"--dta", "x"}, want: "flag provided but not defined: -dta"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.prepare != nil {
				c.prepare(t, dir)
			}
			s := launch(t, append([]string{"--data", dir}, c.args...)...)
			if code := s.exit(t); code == 0 || !strings.Contains(s.errors(), c.want) {
				t.Errorf("exit code %d, says %q, want %q", code, s.errors(), c.want)
			}
		})
	}
}

func createNamespace(t *testing.T, s *supervisor, name string) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := s.client(t).CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}
