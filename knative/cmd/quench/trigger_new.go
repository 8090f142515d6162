package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/knative/trigger/draft"
	"github.com/quench-dev/quench/knative/trigger/lint"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// triggerNew is the command line of quench trigger new.
type triggerNew struct {
	draft.Options
	alerts, labels []string
	from           string
	resolved       bool
	outputFile     string
	overwrite      bool
	mapped         labelFlags
}

func newTriggerNew() *cobra.Command {
	var f triggerNew
	c := &cobra.Command{
		Use:   "new",
		Short: "Write a Trigger for a function and the alerts that are to reach it",
		Long: `Writes a Trigger in the simplest filters that say what is asked for: exact, prefix, suffix, any, not, and CESQL where
these do not. Labels are told in Alertmanager's syntax, and go under the names that they have as attributes (pod_name is
podname). Filters know no regular expressions: of one that they cannot say, the nearest filter is written, which lets more
through and never less, and on standard error stands what the function itself has to be told.

--from takes all rules of a file instead: Bailer's or job-runner's (bailers:, jobs:), or prometheus-am-executor's
(commands:), whose commands run for whole notifications.`,
		Example: `  quench trigger new --function rollback --alert PodUnscheduleable --label severity=rollback --label 'namespace=~"shop-.*"'
  quench trigger new --function enricher --label team=shop --resolved=false --output-file trigger.yaml
  quench trigger new --from knative/samples/jobs.yaml
  quench trigger new --from knative/samples/command/commands.yaml --name commands`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	flags.StringVar(&f.Function, "function", "", "the Knative Service that gets the alerts: a function of quench's or of your own")
	flags.StringVar(&f.SubscriberURI, "subscriber-uri", "", "or the `URL` that gets them")
	flags.StringArrayVar(&f.alerts, "alert", nil, "an alert's `name`; may be given several times, for any of them")
	flags.StringArrayVar(&f.labels, "label", nil, "a `matcher` such as severity=page, team!=web, namespace=~\"shop-.*\"; may be given several times, for all of them")
	flags.StringVar(&f.from, "from", "", "`file` of rules to take alerts and labels from")
	flags.BoolVar(&f.resolved, "resolved", true, "alerts that have resolved, too: functions note it, so that what fired is not acted on late (not of --function enricher, which has no use for them)")
	flags.StringVar(&f.Name, "name", "", "the Trigger's name (default made of function and alert)")
	flags.StringVarP(&f.Namespace, "namespace", "n", "quench", "the Trigger's namespace")
	flags.StringVar(&f.Broker, "broker", "default", "the Broker's `name`")
	flags.StringVar(&f.DeadLetterSink, "dead-letter-sink", "dead-letter", "the Knative `Service` that gets what was not taken")
	flags.StringVar(&f.outputFile, "output-file", "", "`file` to write to instead of standard output")
	flags.BoolVar(&f.overwrite, "overwrite", false, "write to a file that is there already")
	f.mapped.flags(c)
	c.MarkFlagsMutuallyExclusive("function", "subscriber-uri")
	c.MarkFlagsMutuallyExclusive("from", "alert")
	c.MarkFlagsMutuallyExclusive("from", "label")
	return c
}

func (f *triggerNew) run(c *cobra.Command) error {
	if err := f.rules(); err != nil {
		return err
	}
	if f.Function == enricher.Name && !c.Flags().Changed("resolved") {
		f.resolved = false
	}
	f.Firing = f.Firing || !f.resolved
	var err error
	if f.Mapping, err = f.mapped.mapping(); err != nil {
		return err
	}
	d, err := draft.New(f.Options)
	if err != nil {
		return usageError{err}
	}
	text, err := d.YAML()
	if err != nil {
		return err
	}
	errOut := c.ErrOrStderr()
	for _, n := range d.Notes {
		fmt.Fprintln(errOut, "note:", n)
	}
	for _, m := range d.Kept {
		fmt.Fprintf(errOut, "note: filters cannot say %s; the Trigger catches more than that\n", m)
	}
	if rest := d.Stays(f.Function); rest != "" && f.from == "" {
		fmt.Fprintln(errOut, "note: say it", rest)
	}
	if err := looked(c.Context(), text, f.Mapping); err != nil {
		return err
	}
	return f.write(c, text)
}

// rules are those that the flags name.
func (f *triggerNew) rules() error {
	switch {
	case f.from != "":
		return f.Read(f.from)
	case f.Function == "" && f.SubscriberURI == "":
		return usageError{errors.New("--function is missing: name who gets the alerts, or --subscriber-uri, or a file of rules with --from")}
	case len(f.alerts)+len(f.labels) == 0:
		return usageError{errors.New("nothing to catch: name an --alert or a --label, or a file of rules with --from")}
	}
	rule := draft.Rule{Alerts: f.alerts}
	for _, text := range f.labels {
		m, err := draft.ParseMatcher(text)
		if err != nil {
			return usageError{fmt.Errorf("--label: %w", err)}
		}
		rule.Matchers = append(rule.Matchers, m)
	}
	f.Rules = []draft.Rule{rule}
	return nil
}

func (f *triggerNew) write(c *cobra.Command, text []byte) error {
	if f.outputFile == "" {
		_, err := c.OutOrStdout().Write(text)
		return err
	}
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if f.overwrite {
		how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(f.outputFile, how, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("--output-file=%s: is there already; --overwrite replaces it", f.outputFile)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// looked has lint look at what is to be written: what contradicts itself, such as two values of one label, is told at once.
func looked(ctx context.Context, text []byte, mapping *alert.Mapping) error {
	set, err := source.Open(ctx, source.Options{Paths: []string{source.Stdin}, Stdin: bytes.NewReader(text)})
	if err != nil {
		return err
	}
	findings, err := lint.Run(ctx, set.Objects, lint.Options{Mapping: mapping})
	if err != nil {
		return err
	}
	for _, found := range findings {
		return fmt.Errorf("%s: %s; %s", found.ID, found.Why, found.Instead)
	}
	return nil
}
