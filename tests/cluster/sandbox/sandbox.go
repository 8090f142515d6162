// Package sandbox is what keeps a cluster apart from the machine that it runs on: Linux namespaces. All of a cluster
// runs in a mount, PID, network, host name and IPC namespace of its own, so that its mounts, processes, interfaces and
// packet filter rules are gone with its first process, however that ended: the kernel sees to it. Nothing in there
// can reach another machine: the only interface is an empty bridge, to which the default route leads.
//
// What is left on the machine is a folder and a tree of empty control groups; RemoveGroups is for these.
package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/quench-dev/quench/tests/controlplane/plane"
)

// initName is what the binary is executed as to be a sandbox's first process.
const initName = "quench-cluster-init"

// Options say what runs in the sandbox.
type Options struct {
	// Args is the command line, run by the same binary; Args[0] is the name that it gets.
	Args []string
	// Dir is the folder that it starts in.
	Dir string
	// Log takes its output, after what is there where Append is set.
	Log    string
	Append bool
}

// Sandbox is a running one.
type Sandbox struct{ process *plane.Process }

// Start makes the namespaces and starts the command in them. They end with the calling process.
func Start(o Options) (*Sandbox, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own executable: %w", err)
	}
	process, err := plane.StartProcess(plane.Command{
		Name: initName, Executable: executable, Args: o.Args, Dir: o.Dir, Log: o.Log, Append: o.Append,
		Attributes: func(a *syscall.SysProcAttr) {
			a.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
				syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
		},
	})
	if err != nil {
		return nil, fmt.Errorf("start in namespaces (that takes root): %w", err)
	}
	return &Sandbox{process: process}, nil
}

// Pid is the id, on the machine, of the sandbox's first process.
func (s *Sandbox) Pid() int { return s.process.Pid() }

// Done is closed when the sandbox has ended, all of it.
func (s *Sandbox) Done() <-chan struct{} { return s.process.Done() }

// Stop ends it, and returns when it has ended.
func (s *Sandbox) Stop() error { return s.process.Stop(stopGrace) }

const stopGrace = 20 * time.Second

// Run becomes a sandbox's first process where args[0] says so; otherwise it returns, having done nothing. The first
// process starts the command, takes in what other processes leave behind, and ends when the command does or when told.
func Run(args []string) {
	if filepath.Base(args[0]) != initName {
		return
	}
	code, err := serve(args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "sandbox: %v\n", err)
		code = 1
	}
	os.Exit(code)
}

func serve(args []string) (int, error) {
	if os.Getpid() != 1 {
		return 0, errors.New("not the first process of a PID namespace")
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM)
	if err := freshProc(); err != nil {
		return 0, err
	}
	executable, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find own executable: %w", err)
	}
	child, err := syscall.ForkExec(executable, args, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", args[0], err)
	}
	for s := range signals {
		if s == syscall.SIGTERM {
			return 0, nil
		}
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if pid == child {
				return status.ExitStatus(), nil
			}
			if pid <= 0 || err != nil {
				break
			}
		}
	}
	return 0, nil
}

// freshProc keeps this mount namespace's changes to itself, and shows its processes in /proc.
func freshProc() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to itself: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}
