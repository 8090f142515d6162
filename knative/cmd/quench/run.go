package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/all"
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/knative/standalone"
	"github.com/quench-dev/quench/knative/trigger"
)

// runFlags are what the command line says.
type runFlags struct {
	triggers           []string
	jobs, listen       string
	commands           string
	policy             string
	kubeconfig         string
	namespace, data    string
	act, dryRun        bool
	ackAfter           time.Duration
	logFormat, logging string
	sample             string
}

func newRun() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run --triggers PATH --jobs FILE",
		Short: "Run adapter, broker and functions in this process",
		Long: `Runs the adapter, an in-process broker and the functions in one process. It takes Alertmanager's webhooks on any
path, routes each alert by the Triggers, and prints one line for each: what came, what matched, what was done or why not.

With --kubeconfig or $KUBECONFIG it acts on that cluster, and only says what it would do unless --act is given. With
neither it brings an embedded control plane (a real etcd, kube-apiserver and kube-controller-manager, but no kubelet:
Jobs are created, not run) and acts on that.

The adapter's environment variables apply: credentials, LABEL_ATTRIBUTES, limits. See config/README.md.`,
		Example: `  # try it, on the embedded control plane
  quench run --triggers knative/samples/triggers.yaml --jobs knative/samples/jobs.yaml

  # say what it would do on a cluster, then do it
  quench run --triggers triggers/ --jobs jobs.yaml --kubeconfig ~/.kube/config
  quench run --triggers triggers/ --jobs jobs.yaml --kubeconfig ~/.kube/config --act`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("%q: run takes no arguments; name Triggers with --triggers", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(c.Flags().Changed("kubeconfig")); err != nil {
				return usageError{err}
			}
			return f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringSliceVarP(&f.triggers, "triggers", "t", nil, "file or folder of Trigger `YAML`; may be given several times")
	flags.StringVar(&f.jobs, "jobs", "", "job-runner's rules, a `file` with jobs: or Bailer's bailers:")
	flags.StringVar(&f.commands, "commands", "", "command's rules, a `file` of prometheus-am-executor's or ours; for its notifications set GROUP_EVENTS=true (default no function command)")
	flags.StringVar(&f.policy, "policy", "", "what functions are allowed to do, a `file` read anew at each event (default all, but nothing in kube-* and knative-*)")
	flags.StringVarP(&f.listen, "listen", "l", "127.0.0.1:8080", "`address` to take webhooks on; port 0 takes a free one")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "`file` that names the cluster to act on (default $KUBECONFIG, else the embedded control plane)")
	flags.StringVarP(&f.namespace, "namespace", "n", "", "where Jobs, locks and records go (default the kubeconfig's; embedded: default)")
	flags.StringVar(&f.data, "data", "", "`folder` that keeps the embedded control plane's data (default a temporary one)")
	flags.BoolVar(&f.act, "act", false, "act on the kubeconfig's cluster")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only say what would be done, on the embedded control plane too")
	flags.DurationVar(&f.ackAfter, "ack-after", 10*time.Second, "answer Alertmanager when a function takes longer than this; it goes on")
	flags.StringVar(&f.logFormat, "log-format", "text", "text for people, json for machines")
	flags.StringVar(&f.logging, "log-level", "warn", "what else is logged, to standard error: debug, info, warn or error")
	flags.StringVar(&f.sample, "sample", "", "a payload's `file`, to print a curl line that sends it")
	c.MarkFlagsMutuallyExclusive("act", "dry-run")
	return c
}

func (f *runFlags) check(kubeconfigGiven bool) error {
	switch {
	case len(f.triggers) == 0:
		return errors.New("--triggers is missing: name a file or folder of Trigger YAML, such as knative/samples/triggers.yaml")
	case f.jobs == "":
		return errors.New("--jobs is missing: name job-runner's rules, such as knative/samples/jobs.yaml")
	case f.logFormat != "text" && f.logFormat != "json":
		return fmt.Errorf("--log-format=%q: want text or json", f.logFormat)
	case f.ackAfter < 0:
		return fmt.Errorf("--ack-after=%s: want a duration of at least 0, such as 10s", f.ackAfter)
	}
	if !kubeconfigGiven {
		f.kubeconfig = os.Getenv("KUBECONFIG")
	}
	switch {
	case f.kubeconfig != "" && f.data != "":
		return fmt.Errorf("--data is for the embedded control plane, and --kubeconfig or $KUBECONFIG (%s) names another cluster", f.kubeconfig)
	case f.kubeconfig == "" && f.act:
		return errors.New("--act needs a cluster: --kubeconfig or $KUBECONFIG; the embedded control plane is acted on anyway")
	}
	return nil
}

func (f *runFlags) run(ctx context.Context, out, errOut io.Writer) (err error) {
	var adapter config.Adapter
	var shared config.Function
	if err := errors.Join(config.Load(&adapter), config.Load(&shared)); err != nil {
		return err
	}
	log := config.Log{Level: f.logging, Format: "console"}
	if f.logFormat == "json" {
		log.Format = "json"
	}
	if err := log.Validate(); err != nil {
		return err
	}
	logger := log.New(errOut)

	// Made once of nothing, to hear of what is wrong before a cluster is started for them.
	if _, err := f.functions(cluster.For(&rest.Config{}, ""), shared, zerolog.Nop()); err != nil {
		return err
	}
	if f.policy != "" {
		if _, err := (&policy.Source{File: f.policy, Known: catalog.Names()}).Read(ctx); err != nil {
			return fmt.Errorf("--policy: %w", err)
		}
		shared.PolicyFile, shared.PolicyConfigMap = f.policy, ""
	}
	triggers, err := trigger.Load(f.triggers...) //nolint:contextcheck // compiling a filter waits for nothing
	if err != nil {
		return fmt.Errorf("--triggers: %w", err)
	}
	t, err := f.open(ctx, errOut)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.stop()) }()

	shared.DryRun = t.told.DryRun
	functions, err := f.functions(t.client, shared, logger)
	if err != nil {
		return err
	}
	s, err := standalone.New(standalone.Options{ //nolint:contextcheck // nor does making the parts
		Triggers: triggers, Listen: f.listen, AckAfter: f.ackAfter, Cluster: t.told,
		Functions: functions, Adapter: adapter, Out: out, JSON: f.logFormat == "json", Sample: f.sample, Log: logger,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // an embedded control plane that ends takes quench with it
		select {
		case <-t.gone():
			cancel(errGone)
		case <-ctx.Done():
		}
	}()
	err = s.Run(ctx)
	if errors.Is(context.Cause(ctx), errGone) {
		err = errors.Join(errGone, err)
	}
	return err
}

// functions are those that this command line has rules for; enricher needs none, and
// nothing would tell job-results of Jobs here.
func (f *runFlags) functions(client *cluster.Client, shared config.Function, log zerolog.Logger) (map[string]*function.Function, error) {
	functions := map[string]*function.Function{}
	for _, entry := range all.Functions() {
		parts := catalog.Parts{Client: client, Shared: shared, Log: log}
		flag := ""
		switch entry.Name {
		case jobrunner.Name:
			parts.Rules, flag = f.jobs, "--jobs: "
		case command.Name:
			parts.Rules, flag = f.commands, "--commands: "
		}
		if entry.Name == jobresults.Name || entry.Name == command.Name && f.commands == "" || entry.Name == notifier.Name && os.Getenv("NOTIFIER_FILE") == "" {
			continue
		}
		made, err := catalog.New(entry.Name, parts, entry)
		if err != nil {
			return nil, fmt.Errorf("%s%w", flag, err)
		}
		functions[entry.Name] = made
	}
	return functions, nil
}

var errGone = errors.New("the embedded control plane ended")
