package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/lines"
	"github.com/quench-dev/quench/knative/history/story"
	"github.com/quench-dev/quench/knative/ingress"
	"github.com/quench-dev/quench/knative/replay"
	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/source"
)

// sender is where the flags say that events go.
func (f *replayFlags) sender(ctx context.Context) (*ingress.Sender, error) {
	if f.to != "" {
		s, err := ingress.To(f.to)
		if err != nil {
			return nil, usageError{fmt.Errorf("--to: %w", err)}
		}
		return s, nil
	}
	kubeconfig := kubeconfigOr(f.from.kubeconfig)
	if kubeconfig == "" {
		return nil, usageError{errors.New("nowhere to send to: name a Broker's URL with --to, or its cluster with --kubeconfig or $KUBECONFIG")}
	}
	c, err := ingress.Open(kubeconfig)
	if err != nil {
		return nil, err
	}
	s, err := c.Broker(ctx, f.from.namespace, f.broker)
	if err != nil {
		return nil, err
	}
	s.Name += " of " + c.Config().Host
	return s, nil
}

// forecast says what a replay would come to, and sends nothing.
func (f *replayFlags) forecast(c *cobra.Command, from lister, s replay.Selection, run replay.Run) error {
	forecaster, err := f.forecaster(c, run)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	if f.output == "table" {
		fmt.Fprintln(table, "EVENT\tRECEIVED\tALERT\tTRIGGER\tFUNCTION\tWOULD\tWHY")
	}
	said, seen := newProgress(c.ErrOrStderr()), 0
	left, err := replay.Select(c.Context(), from, s, func(e history.Entry) error {
		prepared, err := run.Prepare(e.Event)
		if err != nil {
			return err
		}
		foreseen, err := forecaster.Of(c.Context(), prepared)
		if err != nil {
			return err
		}
		seen++
		said.say("%d events looked at", seen)
		if f.output == "jsonl" {
			return writeForecast(c.OutOrStdout(), e, prepared, foreseen)
		}
		tellForecast(table, e, foreseen)
		return nil
	})
	said.done()
	if err := errors.Join(err, table.Flush()); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "a dry run: %d events would be sent; left out: %s\n", seen, left)
	return nil
}

func tellForecast(w io.Writer, e history.Entry, foreseen []replay.Forecast) {
	first := fmt.Sprintf("%.12s\t%s\t%s", clean(e.Event.ID(), 40), e.Received.Local().Format(time.DateTime), clean(story.About(e.Event), 60))
	if len(foreseen) == 0 {
		fmt.Fprintf(w, "%s\t-\t-\tnothing\tno Trigger takes it\n", first)
	}
	for _, v := range foreseen {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", first, v.Trigger, clean(v.Subscriber, 60), v.Verdict, clean(v.Why, 300))
	}
}

func writeForecast(w io.Writer, e history.Entry, prepared event.Event, foreseen []replay.Forecast) error {
	if foreseen == nil {
		foreseen = []replay.Forecast{}
	}
	line, err := json.Marshal(map[string]any{
		"id": e.Event.ID(), "sentAs": prepared.ID(), "source": e.Event.Source(), "received": e.Received,
		"alert": story.About(e.Event), "triggers": foreseen,
	})
	if err != nil {
		return err
	}
	return lines.Write(w, line)
}

// forecaster reads the Triggers, the records and the policy: the cluster's, where
// there is one. With --triggers and no cluster it knows of no records.
func (f *replayFlags) forecaster(c *cobra.Command, run replay.Run) (*replay.Forecaster, error) {
	kubeconfig := kubeconfigOr(f.from.kubeconfig)
	if kubeconfig == "" && len(f.triggers) == 0 {
		return nil, usageError{errors.New("--dry-run needs Triggers: name files with --triggers, or the cluster with --kubeconfig or $KUBECONFIG")}
	}
	triggers, err := readTriggers(c, kubeconfig, f.from.namespace, f.broker, f.triggers)
	if err != nil {
		return nil, err
	}
	names := catalog.Names()
	forecaster := &replay.Forecaster{Triggers: triggers, MaxEventAge: f.maxEventAge, Signed: run.Key != nil, Now: time.Now}
	if kubeconfig != "" {
		client, err := cluster.Open(kubeconfig, f.from.namespace)
		if err != nil {
			return nil, err
		}
		forecaster.Records = &record.Remediations{Client: client}
		p, err := (&policy.Source{Client: client, ConfigMap: "quench-policy", Known: names}).Read(c.Context())
		if err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "what the policy allows is not known: %v\n", err)
		} else {
			forecaster.Policy = p
			names = append(names, p.Own()...)
		}
	}
	forecaster.Acting = func(name string) bool { return slices.Contains(names, name) }
	return forecaster, nil
}

// readTriggers reads those of files or, where none are named, a Broker's on the
// cluster. A Trigger of the cluster's that cannot be read is told, and left out.
func readTriggers(c *cobra.Command, kubeconfig, namespace, broker string, paths []string) ([]*trigger.Trigger, error) {
	if len(paths) > 0 {
		return trigger.Load(paths...)
	}
	set, err := source.Open(c.Context(), source.Options{Cluster: true, Kubeconfig: kubeconfig, Namespace: namespace})
	if err != nil {
		return nil, err
	}
	var triggers []*trigger.Trigger
	for _, o := range set.Objects {
		t, err := trigger.Loader{}.Decode(o)
		if err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "left out: %s: %v\n", o.Where(), err)
			continue
		}
		if t != nil && t.Spec.Broker == broker {
			triggers = append(triggers, t)
		}
	}
	return triggers, nil
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// tellRetry tells people that an event is tried again.
func tellRetry(w io.Writer, said *progress) func(event.Event, error, time.Duration) {
	return func(e event.Event, err error, wait time.Duration) {
		said.done()
		fmt.Fprintf(w, "event %s: %s; again in %s\n", e.ID(), clean(err.Error(), 400), wait)
	}
}
