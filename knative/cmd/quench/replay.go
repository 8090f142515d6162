package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/time/rate"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/replay"
)

// replayFlags say what to send again, where to, and how.
type replayFlags struct {
	from   historyFlags
	which  queryFlags
	ids    []string
	others bool
	most   int

	to, broker, rate, cursor, operatorKey string
	again, yes, dryRun                    bool

	triggers    []string
	maxEventAge time.Duration
	output      string
}

func newReplay() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay",
		Short: "Send events again: what was missed in an outage is done, what was done is not",
		Long: `Sends alerts that the archive or a file has to a Broker once more, slowly, the oldest first. Each keeps its identity, so
that functions know what they have done already; they skip alerts that fire no longer. --dry-run says beforehand which
Triggers take each event, and what the functions would make of it. Outcomes are never sent.

What is sent is written to a cursor file first. Cut off, the same command goes on where it was: nothing is left out, and
nothing is sent twice, but for the one event that was under way where the process was killed.

--again gives new ids, so that what was done is done once more. Where events are signed, that takes an operator's key, which
functions trust (quench keys). Events that an operator signs are never too old.`,
		Example: `  quench replay --dead-letters --dry-run
  quench replay --dead-letters
  quench replay --since 2h --filter "namespace = 'shop'" --rate 1/s
  quench replay --id 8f14e45fceea167a5a36dedd4bea2543 --again --operator-key alice.key
  quench replay --file letters.jsonl --to http://localhost:8080/ --yes`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	flags := c.Flags()
	f.which.add(flags)
	flags.StringSliceVar(&f.ids, "id", nil, "the event with this `id`; may be given again")
	flags.BoolVar(&f.which.pending, "dead-letters", false, "dead letters that no replay has delivered")
	flags.BoolVar(&f.others, "other-types", false, "events that are no alerts, too; outcomes never")
	flags.IntVar(&f.most, "limit", 0, "no more events than this; 0 is all that are found")
	f.from.add(flags, true)
	flags.StringVar(&f.to, "to", "", "`URL` to send to, a Broker's (default the Broker of the cluster, by way of the API server)")
	flags.StringVar(&f.broker, "broker", "default", "the Broker's `name`, in the namespace")
	flags.StringVar(&f.rate, "rate", "5/s", "how fast to send: 5/s, 100/m, 10/h, or max")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say for each event which Triggers take it and what would come of it, and send nothing")
	flags.BoolVar(&f.again, "again", false, "give each event a new id, so that what was done is done again")
	flags.StringVar(&f.operatorKey, "operator-key", "", "sign as an operator, with a `file` that quench keys new --operator made")
	flags.StringVar(&f.cursor, "cursor", "", "`file` that says how far it has come (default one in $XDG_STATE_HOME/quench that the selection names)")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before sending")
	flags.StringSliceVar(&f.triggers, "triggers", nil, "with --dry-run: Trigger YAML, a `file` or folder, instead of the cluster's")
	flags.DurationVar(&f.maxEventAge, "max-event-age", time.Hour, "with --dry-run: the functions' MAX_EVENT_AGE")
	outputFlag(flags, &f.output, "table", "jsonl")
	return c
}

func (f *replayFlags) run(c *cobra.Command) error {
	if err := f.check(c); err != nil {
		return err
	}
	limit, err := replay.ParseRate(f.rate)
	if err != nil {
		return usageError{fmt.Errorf("--rate: %w", err)}
	}
	selection, err := f.selection()
	if err != nil {
		return err
	}
	var key *alert.SigningKey
	if f.operatorKey != "" {
		if key, err = alert.ReadSigningKey(f.operatorKey); err != nil {
			return fmt.Errorf("--operator-key: %w", err)
		}
	}
	source, err := f.from.source(c)
	if err != nil {
		return err
	}
	run := replay.NewRun(time.Now(), f.again, key)
	if f.dryRun {
		return f.forecast(c, source, selection, run)
	}
	return f.send(c, source, selection, run, limit)
}

// check is about how the flags go together.
func (f *replayFlags) check(c *cobra.Command) error {
	flags := c.Flags()
	chosen := f.from.file != ""
	for _, name := range []string{"since", "until", "filter", "alert", "attribute", "correlation-id", "id", "dead-letters"} {
		chosen = chosen || flags.Changed(name)
	}
	switch {
	case !chosen:
		return usageError{errors.New("say what to send again: --dead-letters, --since, --filter, --alert, --id, --correlation-id or --file")}
	case f.most < 0:
		return usageError{fmt.Errorf("--limit=%d: want how many events to send at most, or 0 for all", f.most)}
	case !f.dryRun && len(f.triggers) > 0:
		return usageError{errors.New("--triggers is for --dry-run: where events go is the Broker's to say")}
	}
	return checkOutput(f.output, "table", "jsonl")
}

func (f *replayFlags) selection() (replay.Selection, error) {
	q, err := f.which.query(time.Now())
	return replay.Selection{Query: q, IDs: f.ids, Others: f.others, Most: f.most}, err
}

// words are what was asked for, as it was written: by them a replay that was cut off
// is known.
func (f *replayFlags) words(c *cobra.Command, source lister) string {
	var words []string
	// How, where to, and where from, which may hold a password.
	besides := []string{"rate", "yes", "cursor", "output", "kubeconfig", "to", "broker", "archive"}
	c.Flags().Visit(func(flag *pflag.Flag) {
		if !slices.Contains(besides, flag.Name) {
			words = append(words, "--"+flag.Name+"="+flag.Value.String())
		}
	})
	return strings.Join(append(words, "from", source.String()), " ")
}

func (f *replayFlags) send(c *cobra.Command, source lister, s replay.Selection, run replay.Run, limit rate.Limit) error {
	sender, err := f.sender(c.Context())
	if err != nil {
		return err
	}
	header := replay.Header{Run: run.ID, ReplayedTime: run.Time, To: sender.Name, Selection: f.words(c, source)}
	path := f.cursor
	if path == "" {
		if path, err = defaultCursor(header); err != nil {
			return err
		}
	}
	j, err := replay.Open(path)
	if err != nil {
		return err
	}
	defer j.Close()
	if j.Planned() {
		err = f.goOn(c, j, header, path)
	} else {
		err = f.plan(c, j, source, s, run, header)
	}
	if err != nil {
		return err
	}
	if left := j.Len() - j.Done(); left > 0 {
		if err := f.ask(c, j, sender.Name, limit); err != nil {
			if j.Done() == 0 && !j.Doubt() {
				err = errors.Join(err, j.Remove()) // nothing was begun
			}
			return err
		}
	}
	return f.finish(c, j, &replay.Sending{To: sender, Rate: limit}, path)
}

// plan writes what is to be sent.
func (f *replayFlags) plan(c *cobra.Command, j *replay.Journal, source lister, s replay.Selection, run replay.Run, header replay.Header) error {
	if err := j.Begin(header); err != nil {
		return err
	}
	said := newProgress(c.ErrOrStderr())
	left, err := replay.Select(c.Context(), source, s, func(e history.Entry) error {
		said.say("%d events found", j.Len())
		prepared, err := run.Prepare(e.Event)
		if err != nil {
			return err
		}
		return j.Add(prepared)
	})
	said.done()
	if err == nil {
		err = j.Plan(left)
	}
	if err != nil {
		return errors.Join(err, j.Remove())
	}
	if left != (replay.LeftOut{}) {
		fmt.Fprintf(c.OutOrStdout(), "left out: %s\n", left)
	}
	return nil
}

// goOn says that a replay was begun before.
func (f *replayFlags) goOn(c *cobra.Command, j *replay.Journal, header replay.Header, path string) error {
	was := j.Header
	if was.Selection != header.Selection || was.To != header.To {
		return usageError{fmt.Errorf("--cursor: %s is of another replay, quench replay %s to %s, begun at %s: name another file, or remove it",
			path, was.Selection, was.To, was.ReplayedTime.Local().Format(time.DateTime))}
	}
	fmt.Fprintf(c.OutOrStdout(), "going on with the replay of %s (%s): %d of %d events are done\n",
		was.ReplayedTime.Local().Format(time.DateTime), path, j.Done(), j.Len())
	if j.Doubt() {
		fmt.Fprintln(c.OutOrStdout(), "the next one may have been taken already: it is sent again, with the same id")
	}
	return nil
}

// ask has somebody say yes.
func (f *replayFlags) ask(c *cobra.Command, j *replay.Journal, to string, limit rate.Limit) error {
	left := j.Len() - j.Done()
	question := fmt.Sprintf("send %d events to %s", left, to)
	if limit != rate.Inf {
		question += fmt.Sprintf(", in about %s", time.Duration(float64(left)/float64(limit)*float64(time.Second)).Round(time.Second))
	}
	if f.again {
		question += ", under new ids: what was done is done again"
	}
	if f.yes {
		fmt.Fprintln(c.OutOrStdout(), question)
		return nil
	}
	if !isTerminal(c.InOrStdin()) {
		return usageError{fmt.Errorf("%s? There is no terminal to answer at: --yes sends, --dry-run says what would come of it", question)}
	}
	fmt.Fprintf(c.OutOrStdout(), "%s? [y/N] ", question)
	answer, err := readAnswer(c.Context(), c.InOrStdin())
	if err != nil {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errors.New("nothing was sent")
	}
	return nil
}

// finish sends, and says what came of it.
func (f *replayFlags) finish(c *cobra.Command, j *replay.Journal, s *replay.Sending, path string) error {
	said := newProgress(c.ErrOrStderr())
	s.Told = func(done, of int) { said.say("%d of %d events sent", done, of) }
	s.Retrying = tellRetry(c.ErrOrStderr(), said)
	err := s.Run(c.Context(), j)
	said.done()
	if err != nil {
		if c.Context().Err() != nil {
			err = errors.New("interrupted")
		}
		return fmt.Errorf("%w: %d of %d events are done; the same command goes on with the others (%s)", err, j.Done(), j.Len(), path)
	}
	fmt.Fprintf(c.OutOrStdout(), "%d events sent, replayedtime %s\n", j.Len()-len(j.Refused()), j.Header.ReplayedTime.Format(time.RFC3339Nano))
	var refused error
	if n := len(j.Refused()); n > 0 {
		for _, r := range j.Refused() {
			fmt.Fprintf(c.ErrOrStderr(), "refused: event %s: %s\n", r.ID, clean(r.Why, 400))
		}
		refused = fmt.Errorf("%d events were refused for good", n)
	}
	if f.cursor == "" {
		return errors.Join(refused, j.Remove())
	}
	return refused // the file that was named says that it is done, when it is named again
}

// defaultCursor is a file of the selection's and the target's own.
func defaultCursor(h replay.Header) (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no place for a cursor file: name one with --cursor: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "quench", "replay-"+alert.Hash(h.To, h.Selection)[:16]+".jsonl"), nil
}

func readAnswer(ctx context.Context, in interface{ Read([]byte) (int, error) }) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() { // a read of a terminal does not end with ctx
		text := make([]byte, 64)
		n, err := in.Read(text)
		answered <- answer{string(text[:n]), err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.New("nothing was sent")
	case a := <-answered:
		if a.err != nil && a.text == "" {
			return "", errors.New("nothing was sent")
		}
		return a.text, nil
	}
}
