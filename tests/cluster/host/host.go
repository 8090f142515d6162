// Package host is a cluster seen from the machine: a process in the background, the supervisor, holds the sandbox that
// the cluster runs in and passes connections to its API server and its registry in from loopback. When the supervisor
// ends, however it does, the cluster ends with it.
package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/quench-dev/quench/tests/cluster/inside"
	"github.com/quench-dev/quench/tests/cluster/sandbox"
)

// Cluster is a place for one, by its folders.
type Cluster struct {
	// Cache is the folder of what was built. The cluster's own is "run" in there; it is removed with the cluster.
	Cache string
	// Say is told what is being done, a line at a time.
	Say func(line string)
}

func (c Cluster) dir(names ...string) string {
	return filepath.Join(append([]string{c.Cache, "run"}, names...)...)
}

// Kubeconfig is the file with an administrator's credentials.
func (c Cluster) Kubeconfig() string { return filepath.Join(c.Cache, "kubeconfig") }

// Logs is the folder of the logs, which stays until the next start.
func (c Cluster) Logs() string { return c.dir("log") }

// group is the name of the control group of the cluster's pods: one for each place, so that several clusters can run.
func (c Cluster) group() string {
	sum := sha256.Sum256([]byte(c.Cache))
	return "quench-cluster-" + hex.EncodeToString(sum[:4])
}

// Names in the cluster's folder.
const (
	lockFile     = "supervisor.lock" // beside the folder
	logFile      = "log/cluster.log"
	registryFile = "registry-address"
	initFile     = "init"
	installed    = "installed"
)

// startLimit bounds the start.
const startLimit = 4 * time.Minute

// pid is the process id of the supervisor that runs, which holds the lock; 0 where none does.
func (c Cluster) pid() (int, error) {
	file, err := os.Open(filepath.Join(c.Cache, lockFile))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		return 0, nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return 0, fmt.Errorf("look at lock: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the supervisor's process id: %w", err)
	}
	return pid, nil
}

// Running says whether the cluster is up and its API server can be asked.
func (c Cluster) Running() bool {
	pid, err := c.pid()
	return err == nil && pid != 0 && exists(c.dir(inside.ReadyFile))
}

// Registry is the address of the cluster's registry, the same on the machine and on the node.
func (c Cluster) Registry() (string, error) {
	text, err := os.ReadFile(c.dir(registryFile))
	if err != nil {
		return "", fmt.Errorf("find the registry's address: %w", err)
	}
	return string(text), nil
}

// Start starts the cluster in the background, and returns when pods can be scheduled. Where one is up it does nothing.
func (c Cluster) Start(ctx context.Context) error {
	if c.Running() {
		return nil
	}
	if err := c.Stop(); err != nil { // what an earlier one left
		return fmt.Errorf("clean up: %w", err)
	}
	if err := os.MkdirAll(c.dir("log"), 0o755); err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	log, err := os.OpenFile(c.dir(logFile), os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	// Its life is its own: it goes on when this process has ended.
	supervisor := exec.CommandContext(context.WithoutCancel(ctx), executable, "supervise", "--cache", c.Cache)
	supervisor.Stdout, supervisor.Stderr = log, log
	supervisor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := supervisor.Start(); err != nil {
		return fmt.Errorf("start supervisor: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- supervisor.Wait() }()
	return c.follow(ctx, ended)
}

// follow tells the supervisor's log until the cluster is ready.
func (c Cluster) follow(ctx context.Context, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	told, last := 0, ""
	tell := func() {
		text, _ := os.ReadFile(c.dir(logFile))
		lines := strings.SplitAfter(string(text), "\n")
		for _, line := range lines[told:] {
			if strings.HasSuffix(line, "\n") {
				told++
				last = strings.TrimSpace(line)
				c.Say(last)
			}
		}
	}
	for {
		select {
		case err := <-ended:
			tell()
			return fmt.Errorf("start cluster: it ended (%w; last: %s); logs are in %s", errors.Join(err), last, c.Logs())
		case <-ctx.Done():
			tell()
			return errors.Join(fmt.Errorf("start cluster: %w; logs are in %s", ctx.Err(), c.Logs()), c.kill())
		case <-tick.C:
			tell()
			if exists(c.dir(inside.ReadyFile)) && exists(c.dir(registryFile)) {
				return nil
			}
		}
	}
}

// Stop ends the cluster where it runs and removes all that it left, also after a kill. Its logs stay.
func (c Cluster) Stop() error {
	if err := c.kill(); err != nil {
		return err
	}
	if err := sandbox.RemoveGroup(c.group()); err != nil {
		return err
	}
	entries, err := os.ReadDir(c.dir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if entry.Name() != "log" {
			if err := os.RemoveAll(c.dir(entry.Name())); err != nil {
				return fmt.Errorf("remove the cluster's folder: %w", err)
			}
		}
	}
	if err := os.Remove(c.Kubeconfig()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// kill ends the supervisor, and returns when it has ended.
func (c Cluster) kill() error {
	for signal, deadline := syscall.SIGTERM, time.Now().Add(startLimit); ; {
		pid, err := c.pid()
		if err != nil || pid == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("end supervisor: process %d does not end", pid)
		}
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end supervisor: %w", err)
		}
		time.Sleep(100 * time.Millisecond)
		if time.Until(deadline) < startLimit-30*time.Second {
			signal = syscall.SIGKILL
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
