package plane

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Command says what a Process is to run.
type Command struct {
	// Name is what the executable is run as (its args[0]).
	Name string
	// Executable is the path of the program.
	Executable string
	// Args follow the name.
	Args []string
	// Dir is the folder that it runs in.
	Dir string
	// Log is the file that takes its output, begun anew unless Append is set.
	Log    string
	Append bool
	// Attributes, where given, changes how the child is started: its namespaces, for instance.
	Attributes func(*syscall.SysProcAttr)
}

// Process is a child that does not outlive this process: on Linux the kernel kills it when its parent ends, and
// everywhere a child whose main calls Lifeline ends itself when a pipe from here is closed. It is in a process group of
// its own, so that a Ctrl-C does not reach it and its parent can end the children in order.
type Process struct {
	command  Command
	cmd      *exec.Cmd
	lifeline *os.File
	done     chan struct{}
	err      error // what Wait said, set before done is closed
}

// StartProcess starts a child.
func StartProcess(c Command) (*Process, error) {
	begin := os.O_TRUNC
	if c.Append {
		begin = os.O_APPEND
	}
	out, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|begin, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	attributes := childAttributes()
	if c.Attributes != nil {
		c.Attributes(attributes)
	}
	p := &Process{command: c, lifeline: write, done: make(chan struct{}), cmd: &exec.Cmd{
		Path: c.Executable, Args: append([]string{c.Name}, c.Args...), Dir: c.Dir, Env: environment(),
		Stdout: out, Stderr: out, ExtraFiles: []*os.File{read}, SysProcAttr: attributes,
	}}
	started := make(chan error)
	go func() {
		// The signal at the parent's death is tied to the thread that started the child, so that the thread must live
		// as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := p.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		_ = write.Close()
		return nil, err
	}
	return p, nil
}

// environment is this process's own, without what etcd would take for its flags.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "ETCD_") {
			kept = append(kept, variable)
		}
	}
	return append(kept, lifelineVariable+"=1")
}

// Name is the name that the process runs as.
func (p *Process) Name() string { return p.command.Name }

// Pid is its process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when it has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Stop asks it to end (SIGTERM), kills it when it has not after the grace period, and returns when it has ended. How it
// ended is no error, since it was told to; having to kill it is one.
func (p *Process) Stop(grace time.Duration) error {
	defer p.lifeline.Close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return fmt.Errorf("killed: still running %s after SIGTERM", grace)
}

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// exitError says how an ended process ended and what it last wrote.
func (p *Process) exitError() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended (%s):\n%s", p.command.Name, how, p.Tail())
}
