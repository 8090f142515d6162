package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Kubectl runs kubectl on the cluster, with the standard input given, and returns its output. What it complained about
// is in the error.
func (c Cluster) Kubectl(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	executable, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find own executable: %w", err)
	}
	var out, complaint bytes.Buffer
	command := exec.CommandContext(ctx, executable, args...)
	command.Args[0] = "kubectl"
	command.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig())
	command.Stdin, command.Stdout, command.Stderr = stdin, &out, &complaint
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

// Installed says whether Knative has been installed on the running cluster.
func (c Cluster) Installed() bool { return exists(c.dir(installed)) }

// SetInstalled remembers that it has been.
func (c Cluster) SetInstalled() error { return os.WriteFile(c.dir(installed), nil, 0o644) }

// Load imports image archives into the node's containerd, for pods to use by their names.
func (c Cluster) Load(ctx context.Context, files ...string) error {
	if !c.Running() {
		return errors.New("load: no cluster is up")
	}
	pid, err := os.ReadFile(c.dir(initFile))
	if err != nil {
		return fmt.Errorf("load: find the cluster's first process: %w", err)
	}
	for _, file := range files {
		archive, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		command := exec.CommandContext(ctx, "nsenter", "--target", string(pid), "--mount", "--pid", "--net",
			"/usr/bin/ctr", "-n", "k8s.io", "images", "import", "-")
		command.Stdin = archive
		out, err := command.CombinedOutput()
		_ = archive.Close()
		if err != nil {
			return fmt.Errorf("load %s: %w: %s", file, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// Kill kills a component of the control plane, by its name.
func (c Cluster) Kill(name string) error {
	found, err := c.processes()
	if err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	for pid, program := range found {
		if program == name {
			return syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return fmt.Errorf("kill %s: no such process in the cluster", name)
}

// processes are those of the cluster: their ids on the machine, and what they were started as.
func (c Cluster) processes() (map[int]string, error) {
	namespace, err := c.namespace()
	if err != nil {
		return nil, err
	}
	return inNamespace(namespace)
}

// namespace names the PID namespace of the cluster's processes.
func (c Cluster) namespace() (string, error) {
	text, err := os.ReadFile(c.dir(initFile))
	if err != nil {
		return "", fmt.Errorf("no cluster is up: %w", err)
	}
	return os.Readlink(filepath.Join("/proc", string(text), "ns", "pid"))
}

// inNamespace are the processes of the PID namespace.
func inNamespace(namespace string) (map[int]string, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	found := map[int]string{}
	for _, folder := range folders {
		// What has ended in the meantime is in no namespace.
		in, _ := os.Readlink(filepath.Join(folder, "ns", "pid"))
		line, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err == nil && in == namespace {
			found[pid], _, _ = strings.Cut(string(line), "\x00")
		}
	}
	return found, nil
}
