package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/lines"
)

func newEventsTail() *cobra.Command {
	var from historyFlags
	var which queryFlags
	var output string
	var before int
	outputs := []string{"table", "jsonl"}
	c := &cobra.Command{
		Use:     "tail",
		Short:   "Follow events as they come, until Ctrl-C",
		Example: "  quench events tail\n  quench events tail --alert KubePodCrashLooping -o jsonl",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkOutput(output, outputs...); err != nil {
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
			p := newPrinter(c.OutOrStdout(), output, false)
			var last []history.Entry
			newest := q
			newest.Descending = true
			if before > 0 {
				err := archive.List(c.Context(), newest, before, func(e history.Entry) error { last = append(last, e); return nil })
				if err != nil {
					return err
				}
			}
			for i := len(last) - 1; i >= 0; i-- {
				if err := p.print(last[i]); err != nil {
					return err
				}
				q.After = last[i].Seq
			}
			return archive.Stream(c.Context(), q, p.print, tellLost(c.ErrOrStderr()))
		},
	}
	flags := c.Flags()
	which.add(flags)
	flags.IntVar(&before, "before", 10, "how many of the events that have been to begin with")
	from.add(flags, false)
	outputFlag(flags, &output, outputs...)
	return c
}

// tellLost tells people that a stream broke off; it is taken up again.
func tellLost(w io.Writer) func(error, time.Duration) {
	return func(err error, wait time.Duration) {
		fmt.Fprintf(w, "the stream broke off (%v); again in %s\n", err, wait)
	}
}

func newEventsExport() *cobra.Command {
	var from historyFlags
	var which queryFlags
	var out string
	var entries bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Write events as JSON Lines, the oldest first",
		Long: `Writes one event a line, in CloudEvents' structured form, its data byte for byte. With --entries each line also says when
the event came, how often, and how it fared as a dead letter. quench events import and quench replay --file read both.`,
		Example: `  quench events export --since 1d > yesterday.jsonl
  quench events export --dead-letters --entries --out letters.jsonl`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			q, err := which.query(time.Now())
			if err != nil {
				return err
			}
			source, err := from.source(c)
			if err != nil {
				return err
			}
			w, closeFile, err := openOut(c, out)
			if err != nil {
				return err
			}
			said, written := newProgress(c.ErrOrStderr()), 0
			err = source.List(c.Context(), q, 0, func(e history.Entry) error {
				line, err := lines.Event(e.Event)
				if entries {
					line, err = lines.Entry(e)
				}
				if err != nil {
					return err
				}
				written++
				said.say("%d events written", written)
				return lines.Write(w, line)
			})
			said.done()
			return errors.Join(err, w.Flush(), closeFile())
		},
	}
	flags := c.Flags()
	which.add(flags)
	flags.BoolVar(&which.deadLetters, "dead-letters", false, "only those that some function did not take")
	flags.BoolVar(&which.pending, "pending", false, "only dead letters that no replay has delivered")
	flags.StringVar(&out, "out", "", "`file` to write; it must not be there yet (default standard output)")
	flags.BoolVar(&entries, "entries", false, "write whole entries, with how each event fared")
	from.add(flags, true)
	return c
}

func openOut(c *cobra.Command, path string) (w *bufio.Writer, closeFile func() error, err error) {
	if path == "" {
		return bufio.NewWriter(c.OutOrStdout()), func() error { return nil }, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("--out: %w", err)
	}
	return bufio.NewWriter(f), f.Close, nil
}

func newEventsImport() *cobra.Command {
	var to historyFlags
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Hand the events of a file to the archive",
		Long: `Reads JSON Lines (- is standard input) as quench events export writes them, or the dead-letter service's log, and hands
each event to the archive. Nothing is sent to a Broker. An event that the archive has already is counted as one more arrival.
A dead letter waits there if it waited before.`,
		Example: "  quench events import yesterday.jsonl --archive http://localhost:8080/",
		Args:    oneArgument("a file of JSON Lines, or - for standard input"),
		RunE: func(c *cobra.Command, args []string) error {
			archive, err := to.open(c.Context())
			if err != nil {
				return err
			}
			said, done := newProgress(c.ErrOrStderr()), 0
			from := &lines.File{Path: args[0], Stdin: c.InOrStdin()}
			err = from.List(c.Context(), history.Query{}, 0, func(e history.Entry) error {
				if err := archive.Put(c.Context(), e); err != nil {
					return fmt.Errorf("%s:%d: %w", from, e.Seq, err)
				}
				done++
				said.say("%d events imported", done)
				return nil
			})
			said.done()
			fmt.Fprintf(c.OutOrStdout(), "%d events imported into %s\n", done, archive)
			return err
		},
	}
	to.add(c.Flags(), false)
	return c
}
