package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/knative/trigger/lint"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// triggerLint is the command line of quench trigger lint.
type triggerLint struct {
	cluster               bool
	kubeconfig, namespace string
	output                string
	strict                bool
	sendTimeout           time.Duration
	types                 []string
	labels                labelFlags
}

func newTriggerLint() *cobra.Command {
	var f triggerLint
	c := &cobra.Command{
		Use:   "lint [PATH]...",
		Short: "Say what is wrong with Triggers before a cluster does, or where none would",
		Long: `Reads YAML files, folders, kustomize folders, - for standard input, or without any the Triggers of a cluster, and says of each
Trigger what admission would refuse, and what it would take although it does not do what it says. Each finding has file and
line, why, and what to write instead; its name is told in the README. One that is meant to be so is named in an annotation
of the Trigger, quench.dev/lint-ignore: name, name.

Brokers, subscribers and dead-letter sinks are looked for among all that is read, if any of their kind is, and with
--cluster there.

The exit code is 0 where nothing is found, 1 for errors, with --strict for warnings too, and 2 for a wrong command line.`,
		Example: `  quench trigger lint knative/samples/triggers.yaml
  quench trigger lint --strict --output json knative/overlays/standard
  quench trigger lint --cluster --namespace quench`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	flags := c.Flags()
	flags.BoolVar(&f.cluster, "cluster", false, "look in the cluster that --kubeconfig or $KUBECONFIG names for what the Triggers name, and without PATH for Triggers")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "`file` that names the cluster (default $KUBECONFIG)")
	flags.StringVarP(&f.namespace, "namespace", "n", "", "with --cluster: only the Triggers of this namespace")
	flags.StringVarP(&f.output, "output", "o", "text", "text or json")
	flags.BoolVar(&f.strict, "strict", false, "warnings fail, too")
	flags.DurationVar(&f.sendTimeout, "send-timeout", 50*time.Second, "the adapter's SEND_TIMEOUT, within which a delivery has to end")
	flags.StringArrayVar(&f.types, "type", nil, "an event `type` that others send to the Broker; may be given several times")
	f.labels.flags(c)
	return c
}

func (f *triggerLint) run(c *cobra.Command, paths []string) error {
	if f.kubeconfig == "" {
		f.kubeconfig = os.Getenv("KUBECONFIG")
	}
	switch {
	case f.output != "text" && f.output != "json":
		return usageError{fmt.Errorf("--output=%q: want text or json", f.output)}
	case len(paths) == 0 && !f.cluster:
		return usageError{errors.New("name a file or folder of Triggers, or a cluster with --cluster")}
	case f.cluster && f.kubeconfig == "":
		return usageError{errors.New("--cluster: name one with --kubeconfig or $KUBECONFIG")}
	case f.sendTimeout <= 0:
		return usageError{fmt.Errorf("--send-timeout=%s: want a duration above 0, such as 50s", f.sendTimeout)}
	}
	set, err := source.Open(c.Context(), source.Options{
		Paths: paths, Stdin: c.InOrStdin(),
		Cluster: len(paths) == 0, Kubeconfig: f.kubeconfig, Namespace: f.namespace, Also: source.Surroundings,
	})
	if err != nil {
		return fmt.Errorf("read triggers: %w", err)
	}
	o := lint.Options{SendTimeout: f.sendTimeout, Types: f.types}
	if o.Mapping, err = f.labels.mapping(); err != nil {
		return err
	}
	if f.cluster {
		if o.Exists, err = lint.In(f.kubeconfig); err != nil {
			return err
		}
	}
	if len(set.Kind("eventing.knative.dev", "Trigger")) == 0 {
		return errors.New("no Trigger was found")
	}
	findings, err := lint.Run(c.Context(), set.Objects, o)
	if err != nil {
		return err
	}
	write := lint.Text
	if f.output == "json" {
		write = lint.JSON
	}
	if err := write(c.OutOrStdout(), findings); err != nil {
		return err
	}
	return lint.Verdict(findings, f.strict)
}
