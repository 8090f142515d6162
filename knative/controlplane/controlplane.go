// Package controlplane runs the binary quench-controlplane (a real etcd, kube-apiserver and kube-controller-manager, see
// tests/controlplane) as a child process. It has no kubelet: Jobs get created, not run.
//
// What may go wrong: there is no such binary (Find says how to build it); it ends before it is ready, or is not ready in
// time (Start's error ends in what it last wrote); it ends later on its own (Done is closed, and Err says why). However
// this process ends, the child ends too, because it watches its standard input, a pipe that is held open here.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

const (
	// startLimit is more than the child itself gives its components, so that its own words on a failure are heard.
	startLimit = 150 * time.Second
	// stopLimit is more than the child may take to end three components that have to be killed.
	stopLimit = time.Minute
)

// Options say which binary to run and where its data lives.
type Options struct {
	// Binary is the path of quench-controlplane; empty: what Find finds.
	Binary string
	// Dir holds the data and is kept, so that a later start finds the same objects; empty: a temporary folder.
	Dir string
	// Log takes what the child writes besides its ready line; nil: nothing does.
	Log io.Writer
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	cmd        *exec.Cmd
	lifeline   io.Closer // the child's standard input
	kubeconfig string
	server     string
	output     *tail

	done     chan struct{}
	waitErr  error // set before done is closed
	stopping chan struct{}
	stopOnce sync.Once
	stopErr  error
}

// Start starts the binary and returns when the control plane is ready, after seconds, or 150 seconds at most. The
// context bounds the start alone; what has started runs until Stop.
func Start(ctx context.Context, o Options) (*ControlPlane, error) {
	if o.Binary == "" {
		found, err := Find()
		if err != nil {
			return nil, err
		}
		o.Binary = found
	}
	args := []string{"--stop-on-stdin-close"}
	if o.Dir != "" {
		args = append(args, "--data", o.Dir)
	}
	c := &ControlPlane{
		output: &tail{next: o.Log}, done: make(chan struct{}), stopping: make(chan struct{}),
	}
	// The child must outlive the context of its start.
	c.cmd = exec.CommandContext(context.WithoutCancel(ctx), o.Binary, args...)
	c.cmd.SysProcAttr = ownGroup()
	c.cmd.Stderr = c.output
	ready := &readyLine{found: make(chan struct{}), rest: c.output}
	c.cmd.Stdout = ready
	lifeline, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start control plane: make pipe: %w", err)
	}
	c.lifeline = lifeline
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start control plane: %w", err)
	}
	go func() {
		c.waitErr = c.cmd.Wait()
		close(c.done)
	}()
	if err := c.awaitReady(ctx, ready); err != nil {
		_ = c.Stop()
		return nil, fmt.Errorf("start control plane: %w; its last words:\n%s", err, c.output)
	}
	c.kubeconfig, c.server = ready.kubeconfig, ready.server
	return c, nil
}

func (c *ControlPlane) awaitReady(ctx context.Context, ready *readyLine) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	select {
	case <-ready.found:
		return nil
	case <-c.done:
		// Its output has been read to the end. One that was ready first has started; that it ended is for Err to say.
		select {
		case <-ready.found:
			return nil
		default:
			return c.exitError()
		}
	case <-ctx.Done():
		return fmt.Errorf("wait until it is ready: %w", ctx.Err())
	}
}

func (c *ControlPlane) exitError() error {
	if c.waitErr == nil {
		return errors.New("it ended")
	}
	return fmt.Errorf("it ended: %w", c.waitErr)
}

// Kubeconfig is the path of the admin kubeconfig, readable by its owner alone.
func (c *ControlPlane) Kubeconfig() string { return c.kubeconfig }

// Server is the API server's URL.
func (c *ControlPlane) Server() string { return c.server }

// Done is closed when the control plane has ended, by Stop or on its own.
func (c *ControlPlane) Done() <-chan struct{} { return c.done }

// Err says why a control plane ended that nobody stopped, with its last words; nil while it runs and after Stop.
func (c *ControlPlane) Err() error {
	select {
	case <-c.done:
	default:
		return nil
	}
	select {
	case <-c.stopping:
		return nil
	default:
		return fmt.Errorf("control plane: %w; its last words:\n%s", c.exitError(), c.output)
	}
}

// Stop ends the control plane in good order, or kills it when that takes longer than a minute, and returns when it has
// ended. Calling it again, or when it has ended on its own, is harmless.
func (c *ControlPlane) Stop() error {
	c.stopOnce.Do(func() {
		ended := false
		select {
		case <-c.done:
			ended = true
		default:
			close(c.stopping)
		}
		_ = c.lifeline.Close()
		if ended {
			return
		}
		timer := time.NewTimer(stopLimit)
		defer timer.Stop()
		select {
		case <-c.done:
			if c.waitErr != nil {
				c.stopErr = fmt.Errorf("stop control plane: %w:\n%s", c.waitErr, c.output)
			}
		case <-timer.C:
			c.stopErr = fmt.Errorf("stop control plane: killed: still running after %s", stopLimit)
			if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				c.stopErr = fmt.Errorf("stop control plane: %w", err)
				return
			}
			<-c.done
		}
	})
	return c.stopErr
}
