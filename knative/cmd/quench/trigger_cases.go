package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/knative/trigger/cases"
)

// triggerTest is the command line of quench trigger test.
type triggerTest struct {
	source   triggerSource
	adapter  adapterFlags
	payload  string
	output   string
	all      bool
	coverage float64
}

func newTriggerTest() *cobra.Command {
	var f triggerTest
	c := &cobra.Command{
		Use:   "test [CASES]...",
		Short: "Say which Triggers catch which alerts, without a cluster",
		Long: `Runs files of cases: alerts, and which Triggers must and must not catch each. Where a case fails, the Trigger's filter
is shown with the value that each part of it sees, and the exit code is 1. Triggers are those that a file names, and
those of --triggers and --cluster. Which of them no case reaches is told at the end.

With --payload, an Alertmanager webhook's JSON, and no cases, it prints which Triggers catch which of its alerts.`,
		Example: `  quench trigger test knative/samples/triggers.test.yaml
  quench trigger test --require-coverage --output junit knative/samples/triggers.test.yaml
  quench trigger test -t knative/samples/triggers.yaml --payload tests/payloads/firing.json
  quench trigger test --cluster -n quench --payload tests/payloads/firing.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return usageError{err}
			}
			if f.payload != "" {
				return f.table(c)
			}
			return f.run(c, args)
		},
	}
	f.source.flags(c)
	f.adapter.flags(c)
	flags := c.Flags()
	flags.StringVar(&f.payload, "payload", "", "an Alertmanager webhook's `file`, - for standard input: print which Triggers catch its alerts")
	flags.StringVarP(&f.output, "output", "o", "text", "text, json or junit")
	flags.BoolVar(&f.all, "require-coverage", false, "fail where a Trigger is reached by no case")
	flags.Float64Var(&f.coverage, "coverage-required", 0, "fail where less than this many `percent` of the Triggers are reached")
	c.MarkFlagsMutuallyExclusive("require-coverage", "coverage-required")
	return c
}

func (f *triggerTest) check(args []string) error {
	switch {
	case f.output != "text" && f.output != "json" && f.output != "junit":
		return fmt.Errorf("--output=%q: want text, json or junit", f.output)
	case f.coverage < 0 || f.coverage > 100:
		return fmt.Errorf("--coverage-required=%g: want 0 to 100", f.coverage)
	case len(args) == 0 && f.payload == "":
		return errors.New("name a file of cases, or an Alertmanager webhook with --payload")
	case len(args) > 0 && f.payload != "":
		return errors.New("--payload goes without cases: a case names its own")
	case f.payload != "" && !f.source.given():
		return errors.New("--payload needs Triggers: --triggers or --cluster")
	case f.payload != "" && f.output == "junit":
		return errors.New("--output=junit is for cases")
	}
	return nil
}

func (f *triggerTest) table(c *cobra.Command) error {
	triggers, err := f.source.load(c.Context(), c.InOrStdin())
	if err != nil {
		return err
	}
	samples, err := f.adapter.ReadPayload(f.payload, c.InOrStdin())
	if err != nil {
		return err
	}
	table := cases.NewTable(c.Context(), triggers, samples)
	if f.output == "json" {
		return table.JSON(c.OutOrStdout())
	}
	return table.Text(c.OutOrStdout())
}

func (f *triggerTest) run(c *cobra.Command, args []string) error {
	files := make([]*cases.File, len(args))
	var paths []string
	var errs []error
	for i, path := range args {
		file, err := cases.Read(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, path := range file.Paths() {
			paths = addOnce(paths, path)
		}
		files[i] = file
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(paths) == 0 && !f.source.given() {
		return errors.New("there are no Triggers to test: name them in the cases' file under triggers, or with --triggers or --cluster")
	}
	triggers, err := f.source.load(c.Context(), c.InOrStdin(), paths...)
	if err != nil {
		return err
	}
	runner := cases.NewRunner(triggers)
	for _, file := range files {
		if err := runner.Run(c.Context(), file); err != nil {
			return err
		}
	}
	report := runner.Report()
	if err := f.print(c.OutOrStdout(), report); err != nil {
		return err
	}
	return f.verdict(report)
}

func (f *triggerTest) print(w io.Writer, report *cases.Report) error {
	switch f.output {
	case "json":
		return report.JSON(w)
	case "junit":
		return report.JUnit(w)
	}
	report.Text(w)
	return nil
}

// verdict is an error where the exit code is 1.
func (f *triggerTest) verdict(report *cases.Report) error {
	required := f.coverage
	if f.all {
		required = 100
	}
	switch {
	case report.Failed() > 0:
		return fmt.Errorf("%d of %d cases failed", report.Failed(), len(report.Results))
	case report.Covered() < required:
		return fmt.Errorf("cases reach %.0f%% of the Triggers, and %.0f%% are required", report.Covered(), required)
	}
	return nil
}

func addOnce(paths []string, path string) []string {
	for _, other := range paths {
		if other == path {
			return paths
		}
	}
	return append(paths, path)
}
