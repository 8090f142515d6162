package command

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// grace is how long a command that got SIGTERM may take before SIGKILL.
const grace = 5 * time.Second

// outputDelay is how long is waited for the rest of the output when a command has
// ended and something that it left behind still holds its end.
const outputDelay = 2 * time.Second

// process is one command that runs.
type process struct {
	rule        *Rule
	fingerprint string
	eventID     string
	recorded    time.Time // of the delivery

	cmd    *exec.Cmd
	output tail
	ended  chan struct{} // closed when it has, with err
	err    error

	told bool // that we are to end; the table's lock is held

	mu       sync.Mutex
	resolved bool // it was sent the signal for its alert's end
}

var errEnded = errors.New("it has ended")

// start starts the command in a process group of its own.
func (p *process) start(env []string) error {
	p.cmd = exec.Command(p.rule.Cmd, p.rule.Args...) //nolint:gosec,noctx // what the file says, as it says it; its end is ours to bring about
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.WaitDelay = outputDelay
	ownGroup(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.ended = make(chan struct{})
	go func() {
		p.err = p.cmd.Wait()
		if errors.Is(p.err, exec.ErrWaitDelay) {
			p.err = nil // it ended with 0, and left something behind
		}
		close(p.ended)
	}()
	return nil
}

// signal signals the process and all that it has started; errEnded where it has.
func (p *process) signal(s syscall.Signal) error {
	select {
	case <-p.ended:
		return errEnded
	default:
	}
	err := signalGroup(p.cmd.Process.Pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return errEnded
	}
	return err
}

// over signals the process because its alert is over. Whoever asks for the reason
// of its end waits until that is noted.
func (p *process) over(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.signal(s)
	p.resolved = p.resolved || err == nil
	return err
}

// endedByAlert says whether it was signalled because its alert is over.
func (p *process) endedByAlert() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resolved
}

// end ends the process within the grace.
func (p *process) end() {
	_ = p.signal(syscall.SIGTERM)
	_ = p.signal(wake) // one that is stopped would not see it
	select {
	case <-p.ended:
	case <-time.After(grace):
		_ = p.signal(syscall.SIGKILL)
		<-p.ended
	}
}

// wait waits for the end and, when ctx ends before, brings it about; late says
// that it had to.
func (p *process) wait(ctx context.Context) (late bool) {
	select {
	case <-p.ended:
		return false
	case <-ctx.Done():
		p.end()
		return true
	}
}
