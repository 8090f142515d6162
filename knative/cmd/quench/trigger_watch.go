package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/client"
	"github.com/quench-dev/quench/knative/history/lines"
	"github.com/quench-dev/quench/knative/watch"
)

func newTriggerWatch() *cobra.Command {
	var from historyFlags
	var which queryFlags
	var triggers []string
	var broker, output string
	c := &cobra.Command{
		Use:   "watch",
		Short: "Follow a Broker: which Triggers take each alert, and what comes of it",
		Long: `Follows what the archive gets of a Broker, until Ctrl-C, and says of each alert which Triggers take it, of each outcome
through which Trigger it came about, and which events nobody took. The Triggers are the cluster's as they are when it starts
or, with --triggers, those of files.`,
		Example: "  quench trigger watch\n  quench trigger watch --triggers my-triggers/ --archive http://localhost:8080/ --since 10m",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "jsonl"); err != nil {
				return err
			}
			q, err := which.query(time.Now())
			if err != nil {
				return err
			}
			archive, err := from.open(c.Context())
			if err != nil {
				return err
			}
			kubeconfig := kubeconfigOr(from.kubeconfig)
			if kubeconfig == "" && len(triggers) == 0 {
				return usageError{errors.New("no Triggers: name files with --triggers, or the cluster with --kubeconfig or $KUBECONFIG")}
			}
			read, err := readTriggers(c, kubeconfig, from.namespace, broker, triggers)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "following %s, with %d Triggers\n", archive, len(read))
			return follow(c, archive, q, watch.New(read), output)
		},
	}
	flags := c.Flags()
	which.add(flags)
	flags.StringSliceVar(&triggers, "triggers", nil, "Trigger YAML, a `file` or folder, instead of the cluster's")
	flags.StringVar(&broker, "broker", "default", "the Broker's `name`, in the namespace")
	from.add(flags, false)
	outputFlag(flags, &output, "text", "jsonl")
	return c
}

// lookEvery is how often dead letters are asked for.
const lookEvery = 2 * time.Second

// follow prints what the archive's stream brings, and dead letters beside it.
func follow(c *cobra.Command, archive *client.Archive, q history.Query, w *watch.Watcher, output string) error {
	ctx, end := context.WithCancel(c.Context())
	var both sync.WaitGroup
	defer both.Wait()
	defer end()
	var mu sync.Mutex // over the watcher and the output
	dead := map[int64]time.Time{}
	see := func(e history.Entry) error {
		mu.Lock()
		defer mu.Unlock()
		if d := e.DeadLetter; d != nil {
			if dead[e.Seq].Equal(d.At) {
				return nil // the other has told
			}
			dead[e.Seq] = d.At
		}
		return tellSight(c.OutOrStdout(), w.See(ctx, e), output)
	}
	since := q.Since
	if since.IsZero() {
		since = time.Now()
	}
	lost := tellLost(c.ErrOrStderr())
	both.Go(func() {
		watch.DeadLetters(ctx, archive, q, since, lookEvery,
			func(e history.Entry) { _ = see(e) }, // what cannot be printed ends the stream
			func(err error) { lost(err, lookEvery) })
	})
	return archive.Stream(ctx, q, see, lost)
}

func tellSight(w io.Writer, s watch.Sight, output string) error {
	if output == "jsonl" {
		line, err := json.Marshal(s)
		if err != nil {
			return err
		}
		return lines.Write(w, line)
	}
	_, err := fmt.Fprintf(w, "%s  %-11s  %s\n", s.At.Local().Format(time.TimeOnly), clean(s.What, 20), clean(s.String(), 1000))
	return err
}
