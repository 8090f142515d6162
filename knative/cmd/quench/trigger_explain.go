package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/cases"
)

// triggerExplain is the command line of quench trigger explain.
type triggerExplain struct {
	source  triggerSource
	adapter adapterFlags
	payload string
	event   string
	labels  map[string]string
	status  string
	alert   string
	output  string
}

func newTriggerExplain() *cobra.Command {
	var f triggerExplain
	c := &cobra.Command{
		Use:   "explain [TRIGGER]",
		Short: "Say why a Trigger catches an event, or why not",
		Long: `Prints a Trigger's filter as a tree, with the value that each part of it sees in an event, and the first part that says
no. TRIGGER is a name, or namespace/name; without it every Trigger is explained. The event is that of an alert, by its
labels, those of an Alertmanager webhook's alerts, or any CloudEvent.`,
		Example: `  quench trigger explain -t knative/samples/triggers.yaml --label alertname=DiskFillingUp --label remediation=job
  quench trigger explain crash-loop-to-job-runner -t knative/samples/triggers.yaml --payload tests/payloads/firing.json
  quench trigger explain rollback --cluster -n quench --label alertname=PodUnscheduleable`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return usageError{err}
			}
			return f.run(c, args)
		},
	}
	f.source.flags(c)
	f.adapter.flags(c)
	flags := c.Flags()
	flags.StringVar(&f.payload, "payload", "", "an Alertmanager webhook's `file`, - for standard input")
	flags.StringVar(&f.event, "event", "", "a CloudEvent's `file`, structured JSON, - for standard input")
	flags.StringToStringVarP(&f.labels, "label", "l", nil, "a label of the alert, `name=value`; may be given several times")
	flags.StringVar(&f.status, "status", "firing", "with --label: firing or resolved")
	flags.StringVar(&f.alert, "alert", "", "with --payload: only the alerts of this `name`")
	flags.StringVarP(&f.output, "output", "o", "text", "text or json")
	return c
}

func (f *triggerExplain) check() error {
	given := 0
	for _, is := range []bool{f.payload != "", f.event != "", len(f.labels) > 0} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("name the event in one way: --label, --payload or --event")
	case !f.source.given():
		return errors.New("name the Triggers: --triggers or --cluster")
	case f.alert != "" && f.payload == "":
		return errors.New("--alert picks alerts of a --payload")
	case f.status != "firing" && f.status != "resolved":
		return fmt.Errorf("--status=%q: want firing or resolved", f.status)
	case f.output != "text" && f.output != "json":
		return fmt.Errorf("--output=%q: want text or json", f.output)
	}
	return nil
}

// explained is one Trigger and one event.
type explained struct {
	Trigger string               `json:"trigger"`
	Where   string               `json:"where"`
	Event   string               `json:"event"`
	Matches bool                 `json:"matches"`
	Why     *trigger.Explanation `json:"why"`
}

func (f *triggerExplain) run(c *cobra.Command, args []string) error {
	triggers, err := f.source.load(c.Context(), c.InOrStdin())
	if err != nil {
		return err
	}
	if len(args) == 1 {
		one, err := cases.Find(triggers, args[0])
		if err != nil {
			return err
		}
		triggers = []*trigger.Trigger{one}
	}
	samples, err := f.samples(c.InOrStdin())
	if err != nil {
		return err
	}
	var all []explained
	for _, sample := range samples {
		for _, t := range triggers {
			why := t.Filter.Explain(c.Context(), sample.Event)
			all = append(all, explained{Trigger: t.ID(), Where: t.Where(), Event: sample.Name, Matches: why.Says == trigger.Yes, Why: why})
		}
	}
	if f.output == "json" {
		encoder := json.NewEncoder(c.OutOrStdout())
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(all)
	}
	for i, one := range all {
		if i > 0 {
			fmt.Fprintln(c.OutOrStdout())
		}
		one.write(c.OutOrStdout())
	}
	return nil
}

func (x *explained) write(w io.Writer) {
	says := map[trigger.Verdict]string{trigger.Yes: "catches", trigger.No: "does not catch", trigger.Panics: "fails on"}[x.Why.Says]
	fmt.Fprintf(w, "%s (%s) %s %s\n", x.Trigger, x.Where, says, x.Event)
	x.Why.Write(w, "  ")
}

func (f *triggerExplain) samples(stdin io.Reader) ([]cases.Sample, error) {
	switch {
	case f.event != "":
		one, err := cases.ReadEvent(f.event, stdin)
		return []cases.Sample{one}, err
	case len(f.labels) > 0:
		return f.adapter.Event(cases.Alert{Labels: f.labels, Status: f.status})
	}
	samples, err := f.adapter.ReadPayload(f.payload, stdin)
	if err != nil || f.alert == "" {
		return samples, err
	}
	names := map[string]bool{}
	picked := slices.DeleteFunc(samples, func(s cases.Sample) bool {
		name, _, _ := strings.Cut(s.Name, " ")
		names[name] = true
		return name != f.alert
	})
	if len(picked) == 0 {
		return nil, fmt.Errorf("--alert=%q: the payload has no such alert; want one of %s", f.alert, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
	}
	return picked, nil
}
