package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/quench-dev/quench/tests/controlplane/plane"
)

// startLimit bounds the start, which takes seconds on a machine that has the time.
const startLimit = 2 * time.Minute

var errStdinClosed = errors.New("standard input closed")

// run is main without the process around it: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var options plane.Options
	flags := flag.NewFlagSet("quench-controlplane", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&options.Dir, "data", "", "`folder` of the data, kept (default: a temporary one, removed at the end)")
	flags.StringVar(&options.Kubeconfig, "kubeconfig", "", "`file` to write the admin kubeconfig to (default: in the data folder)")
	flags.StringVar(&options.LogDir, "log", "", "`folder` of the components' logs (default: in the data folder)")
	lifeline := flags.Bool("stop-on-stdin-close", false, "stop when standard input ends, as it does when the process that holds it is gone")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "quench-controlplane: unexpected argument %q\n", flags.Arg(0))
		return 2
	}

	signalled, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancelCause(signalled)
	defer cancel(nil)
	if *lifeline {
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			cancel(errStdinClosed)
		}()
	}
	if err := supervise(ctx, options, stdout); err != nil {
		fmt.Fprintf(stderr, "quench-controlplane: %v\n", err)
		return 1
	}
	return 0
}

// supervise runs a control plane until the context ends.
func supervise(ctx context.Context, options plane.Options, stdout io.Writer) error {
	starting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	running, err := plane.Start(starting, options)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if _, err := fmt.Fprintf(stdout, "ready kubeconfig=%s server=%s\n", running.Kubeconfig(), running.Server()); err != nil {
		return errors.Join(fmt.Errorf("say that it is ready: %w", err), running.Stop())
	}
	select {
	case <-ctx.Done():
	case <-running.Done():
	}
	if err := running.Stop(); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return running.Err()
}
