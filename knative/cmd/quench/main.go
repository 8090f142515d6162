// Command quench runs quench in one process, and helps to write what it runs on.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/knative/cli"
)

func main() { os.Exit(run(os.Args[0], os.Args[1:])) }

// run is main with an exit code: 0, 1 for what went wrong, 2 for how it was called.
// program is the name that it was called by.
func run(program string, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	root := newRoot()
	cli.Name(root, program)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "quench: "+err.Error())
		if usage := (usageError{}); errors.As(err, &usage) {
			return 2
		}
		return 1
	}
	return 0
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "quench",
		Short:         "Alerts fire; quench puts them out",
		Long:          "quench turns every alert that Prometheus Alertmanager sends into one CloudEvent, and hands it by\nKnative Triggers to functions that remediate.",
		Version:       config.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; %s --help lists the flags", err, c.CommandPath())}
	})
	root.AddCommand(newRun(), newCommand(), newPolicy(), newApprove(), newReject(), newKeys())
	root.AddCommand(newTrigger(), newEvents(), newReplay(), newVersion(), newReference())
	cli.Complete(root, completions())
	return root
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }
