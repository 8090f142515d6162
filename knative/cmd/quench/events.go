package main

import (
	"context"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/client"
	"github.com/quench-dev/quench/knative/history/story"
)

func newEvents() *cobra.Command {
	c := &cobra.Command{
		Use:   "events",
		Short: "Look at the events that the archive keeps: alerts, dead letters, outcomes",
		Long: `Reads the archive: by its URL (--archive, $QUENCH_ARCHIVE), or as the Service archive of the cluster that --kubeconfig or
$KUBECONFIG names, by way of the API server. Or, with --file, a file of events.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newEventsList(), newEventsShow(), newEventsStory(), newEventsTail(), newEventsExport(), newEventsImport())
	return c
}

func newEventsList() *cobra.Command {
	var from historyFlags
	var which queryFlags
	var output string
	var most int
	var oldest bool
	outputs := []string{"table", "json", "yaml", "jsonl"}
	c := &cobra.Command{
		Use:   "list",
		Short: "List events, the newest first",
		Example: `  quench events list --since 2h --alert KubePodCrashLooping
  quench events list --dead-letters --since 2026-11-20T22:00Z
  quench events list --filter "severity = 'page' AND namespace LIKE 'shop-%'" -o jsonl`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkOutput(output, outputs...); err != nil {
				return err
			}
			if most < 0 {
				return usageError{fmt.Errorf("--limit=%d: want how many events to list, or 0 for all", most)}
			}
			q, err := which.query(time.Now())
			if err != nil {
				return err
			}
			q.Descending = !oldest
			source, err := from.source(c)
			if err != nil {
				return err
			}
			p := newPrinter(c.OutOrStdout(), output, true)
			if err := source.List(c.Context(), q, most, p.print); err != nil {
				return err
			}
			return p.end()
		},
	}
	flags := c.Flags()
	which.add(flags)
	flags.BoolVar(&which.deadLetters, "dead-letters", false, "only those that some function did not take")
	flags.BoolVar(&which.pending, "pending", false, "only dead letters that no replay has delivered")
	flags.IntVar(&most, "limit", 50, "how many; 0 is all")
	flags.BoolVar(&oldest, "oldest-first", false, "the oldest first")
	from.add(flags, true)
	outputFlag(flags, &output, outputs...)
	return c
}

func newEventsShow() *cobra.Command {
	var from historyFlags
	var output string
	outputs := []string{"text", "json", "yaml"}
	c := &cobra.Command{
		Use:     "show SEQ|ID",
		Short:   "Show an event whole, by its number in the list or by its id",
		Example: "  quench events show 1234\n  quench events show 8f14e45fceea167a5a36dedd4bea2543 -o yaml",
		Args:    oneArgument("an event's number in quench events list, or its id"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkOutput(output, outputs...); err != nil {
				return err
			}
			source, err := from.source(c)
			if err != nil {
				return err
			}
			found, err := find(c.Context(), source, args[0])
			if err != nil {
				return err
			}
			if output != "text" {
				return printValue(c.OutOrStdout(), output, found)
			}
			return showEntry(c.OutOrStdout(), found)
		},
	}
	from.add(c.Flags(), true)
	outputFlag(c.Flags(), &output, outputs...)
	return c
}

func newEventsStory() *cobra.Command {
	var from historyFlags
	var output string
	outputs := []string{"text", "json", "yaml"}
	c := &cobra.Command{
		Use:   "story CORRELATION-ID|SEQ|ID",
		Short: "Tell what became of an alert: when it fired, who took it, what was done, when it was over",
		Long: `Tells the whole of one incarnation of an alert, from its first event to its last outcome: by its correlation id, or by
the number or id of any of its events.`,
		Example: "  quench events story 1234\n  quench events story 45c48cce2e2d7fbdea1afc51c7c6ad26 -o json",
		Args:    oneArgument("an alert's correlation id, or the number or id of one of its events"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkOutput(output, outputs...); err != nil {
				return err
			}
			source, err := from.source(c)
			if err != nil {
				return err
			}
			entries, err := storyOf(c.Context(), source, args[0])
			if err != nil {
				return err
			}
			told := story.Of(entries)
			if output != "text" {
				return printValue(c.OutOrStdout(), output, map[string]any{"story": told})
			}
			table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, m := range told {
				fmt.Fprintf(table, "%s\t%s\t%s\n", m.At.Local().Format("2006-01-02 15:04:05.000"), clean(m.What, 40), clean(m.Text, 1000))
			}
			return table.Flush()
		},
	}
	from.add(c.Flags(), true)
	outputFlag(c.Flags(), &output, outputs...)
	return c
}

// find is the entry of a number, or the one of an id; several sources may have
// given out the same.
func find(ctx context.Context, source lister, text string) (history.Entry, error) {
	if seq, err := strconv.ParseInt(text, 10, 64); err == nil && len(text) < 19 {
		if a, ok := source.(*client.Archive); ok {
			return a.Get(ctx, seq)
		}
		return only(ctx, source, history.Query{After: seq - 1}, text, func(e history.Entry) bool { return e.Seq == seq })
	}
	return only(ctx, source, history.Query{ID: text}, text, func(history.Entry) bool { return true })
}

func only(ctx context.Context, source lister, q history.Query, text string, is func(history.Entry) bool) (history.Entry, error) {
	var found []history.Entry
	err := source.List(ctx, q, 0, func(e history.Entry) error {
		if is(e) {
			found = append(found, e)
		}
		return nil
	})
	switch {
	case err != nil:
		return history.Entry{}, err
	case len(found) == 0:
		return history.Entry{}, fmt.Errorf("%s has no event %.100q", source, text)
	case len(found) > 1:
		return history.Entry{}, fmt.Errorf("%s has %d events %q, of different sources; name one by its number, such as %d", source, len(found), text, found[0].Seq)
	}
	return found[0], nil
}

// storyOf are the entries of the incarnation that a correlation id names, or one of
// its events.
func storyOf(ctx context.Context, source lister, text string) ([]history.Entry, error) {
	entries, err := incarnation(ctx, source, text)
	if err != nil || len(entries) > 0 {
		return entries, err
	}
	one, err := find(ctx, source, text)
	if err != nil {
		return nil, err
	}
	id := history.Attribute(&one.Event, alert.AttrCorrelationID)
	if id == "" {
		return []history.Entry{one}, nil
	}
	return incarnation(ctx, source, id)
}

func incarnation(ctx context.Context, source lister, id string) ([]history.Entry, error) {
	a, ok := source.(*client.Archive)
	if !ok {
		var all []history.Entry
		err := source.List(ctx, history.Query{CorrelationID: id}, 0, func(e history.Entry) error { all = append(all, e); return nil })
		return all, err
	}
	return a.Story(ctx, id)
}

func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return usageError{fmt.Errorf("name one thing: %s; %s --help has examples", what, c.CommandPath())}
		}
		return nil
	}
}
