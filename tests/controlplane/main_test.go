package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/tests/controlplane/component"
	"github.com/quench-dev/quench/tests/controlplane/plane"
)

// superviseVariable makes the test binary the supervisor, as component names make it a component.
const superviseVariable = "QUENCH_TEST_SUPERVISE"

// patience bounds every wait; only what is broken takes so long.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	plane.Lifeline()
	component.Run(os.Args)
	if os.Getenv(superviseVariable) != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// supervisor is a running quench-controlplane.
type supervisor struct {
	cmd        *exec.Cmd
	stdin      io.Closer
	stdout     *bufio.Reader
	kubeconfig string
	children   []int

	mu     sync.Mutex
	stderr bytes.Buffer
}

func (s *supervisor) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stderr.Write(text)
}

func (s *supervisor) errors() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stderr.String()
}

// launch starts a supervisor without waiting for anything.
func launch(t *testing.T, args ...string) *supervisor {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &supervisor{cmd: exec.Command(executable, args...)}
	s.cmd.Env = append(os.Environ(), superviseVariable+"=1")
	s.cmd.Stderr = s
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdin = stdin
	// Not StdoutPipe: Wait would close it under the reader.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdout, s.cmd.Stdout = bufio.NewReader(read), write
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		_ = read.Close()
	})
	return s
}

// start starts a supervisor and waits until it says that it is ready.
func start(t *testing.T, args ...string) *supervisor {
	t.Helper()
	s := launch(t, args...)
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("no ready line: %v\n%s", err, s.errors())
	}
	rest, found := strings.CutPrefix(strings.TrimSpace(line), "ready kubeconfig=")
	if !found {
		t.Fatalf("not a ready line: %q", line)
	}
	s.kubeconfig = rest[:strings.LastIndex(rest, " server=")]
	if s.children = childrenOf(t, s.cmd.Process.Pid); len(s.children) != 3 {
		t.Fatalf("children: %v, want three", s.children)
	}
	return s
}

// exit waits for the supervisor to end, and returns its exit code.
func (s *supervisor) exit(t *testing.T) int {
	t.Helper()
	timer := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	err := s.cmd.Wait()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *supervisor) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// wantChildrenGone waits until none of the three that were there is left.
func (s *supervisor) wantChildrenGone(t *testing.T) {
	t.Helper()
	eventually(t, "children to end", func(context.Context) bool {
		for _, pid := range s.children {
			if alive(t, pid) {
				return false
			}
		}
		return true
	})
}

func (s *supervisor) client(t *testing.T) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// ps lists processes as lines of "pid ppid state"; it works alike on Linux and macOS.
func ps(t *testing.T) [][]string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var processes [][]string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) >= 3 {
			processes = append(processes, fields)
		}
	}
	return processes
}

func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	var children []int
	for _, process := range ps(t) {
		if process[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(process[0])
			if err != nil {
				t.Fatal(err)
			}
			children = append(children, pid)
		}
	}
	return children
}

// alive says whether a process runs; one that ended and that nobody has waited for does not.
func alive(t *testing.T, pid int) bool {
	t.Helper()
	for _, process := range ps(t) {
		if process[0] == strconv.Itoa(pid) {
			return !strings.HasPrefix(process[2], "Z")
		}
	}
	return false
}

func eventually(t *testing.T, what string, holds func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("waited %s for %s", patience, what)
		case <-tick.C:
		}
	}
}
