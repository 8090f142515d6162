package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// runner runs commands; what they say is added to the file.
type runner struct {
	file string
	// env is the commands' environment; nil: this process's.
	env []string
	// out, where there is one, gets what they print.
	out io.Writer
}

// command runs one, in a process group of its own that ends with ctx. The error has the last lines that it said, and
// not its arguments: a proxy's address may have a password in it.
func (r runner) command(ctx context.Context, dir, name string, args ...string) error {
	log, err := os.OpenFile(r.file, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintf(log, "%s %s %q\n", time.Now().UTC().Format(time.RFC3339), name, args)
	start, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env, command.Stdout, command.Stderr = dir, r.env, log, log
	if r.out != nil {
		command.Stdout = r.out
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = 10 * time.Second
	if err := command.Run(); ctx.Err() != nil {
		return fmt.Errorf("%s: %w", name, context.Cause(ctx))
	} else if err != nil {
		return fmt.Errorf("%s: %w; %s says:\n%s", name, err, r.file, tail(log, start))
	}
	return nil
}

// tail is the last lines of what was written since start.
func tail(log *os.File, start int64) string {
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err.Error()
	}
	start = max(start, end-1<<16)
	text, err := io.ReadAll(io.NewSectionReader(log, start, end-start))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-20):], "\n  ")
}

// lock waits until no other process, nor another caller in this one, has the file locked.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
