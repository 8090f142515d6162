package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/client"
	"github.com/quench-dev/quench/knative/history/lines"
	"github.com/quench-dev/quench/knative/ingress"
	"github.com/quench-dev/quench/knative/when"
)

// historyFlags say where events are read from.
type historyFlags struct{ archive, kubeconfig, namespace, file string }

func (f *historyFlags) add(flags *pflag.FlagSet, files bool) {
	flags.StringVar(&f.archive, "archive", "", "the archive's `URL` (default $QUENCH_ARCHIVE, else the Service archive of the cluster)")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "`file` that names the cluster (default $KUBECONFIG)")
	flags.StringVarP(&f.namespace, "namespace", "n", "quench", "where quench is installed")
	if files {
		flags.StringVarP(&f.file, "file", "f", "", "read a `file` of JSON Lines instead (- is standard input): events, entries, or the dead-letter service's log")
	}
}

// lister lists entries of an archive or of a file.
type lister interface {
	List(ctx context.Context, q history.Query, most int, each func(history.Entry) error) error
	String() string
}

func (f *historyFlags) source(c *cobra.Command) (lister, error) {
	if f.file != "" {
		if c.Flags().Changed("archive") {
			return nil, usageError{errors.New("--file and --archive are two places to read from; name one")}
		}
		return &lines.File{Path: f.file, Stdin: c.InOrStdin()}, nil
	}
	return f.open(c.Context())
}

// open reaches the archive: by its URL, or as a Service through the API server.
func (f *historyFlags) open(ctx context.Context) (*client.Archive, error) {
	address, named := f.archive, "--archive"
	if address == "" {
		address, named = os.Getenv("QUENCH_ARCHIVE"), "$QUENCH_ARCHIVE"
	}
	if address != "" {
		a, err := client.At(address)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", named, err)}
		}
		return a, nil
	}
	f.kubeconfig = kubeconfigOr(f.kubeconfig)
	if f.kubeconfig == "" {
		return nil, usageError{errors.New("no archive: name its URL with --archive or $QUENCH_ARCHIVE, or its cluster with --kubeconfig or $KUBECONFIG")}
	}
	cluster, err := ingress.Open(f.kubeconfig)
	if err != nil {
		return nil, err
	}
	base, through, err := cluster.Reach(ctx, f.namespace, "archive")
	if err != nil {
		return nil, err
	}
	return client.New("archive "+f.namespace+"/archive of "+cluster.Config().Host, base, through), nil
}

func kubeconfigOr(kubeconfig string) string {
	if kubeconfig == "" {
		return os.Getenv("KUBECONFIG")
	}
	return kubeconfig
}

// queryFlags say which events.
type queryFlags struct {
	since, until, filter, correlationID, alert string
	attributes                                 map[string]string
	deadLetters, pending                       bool
}

func (f *queryFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.since, "since", "", "received since a `time`: 2h, 3d, 22:00, 2026-11-20, 2026-11-20T22:00Z")
	flags.StringVar(&f.until, "until", "", "received before a `time`")
	flags.StringVar(&f.filter, "filter", "", "a `CESQL` expression, such as \"severity = 'page' AND EXISTS pod\"")
	flags.StringVar(&f.alert, "alert", "", "of alerts of this `name`")
	flags.StringToStringVar(&f.attributes, "attribute", nil, "with this `name=value`; may be given again")
	flags.Lookup("attribute").DefValue = "" // not [], which help would print
	flags.StringVar(&f.correlationID, "correlation-id", "", "of one incarnation of an alert, by its `id`")
}

func (f *queryFlags) query(now time.Time) (history.Query, error) {
	q := history.Query{
		Filter: f.filter, CorrelationID: f.correlationID, Attributes: maps.Clone(f.attributes),
		DeadLetters: f.deadLetters, Pending: f.pending,
	}
	if f.alert != "" {
		if q.Attributes == nil {
			q.Attributes = map[string]string{}
		}
		q.Attributes["alertname"] = f.alert
	}
	for _, bound := range []struct {
		flag, text string
		to         *time.Time
	}{{"since", f.since, &q.Since}, {"until", f.until, &q.Until}} {
		if bound.text == "" {
			continue
		}
		at, err := when.Parse(bound.text, now)
		if err != nil {
			return q, usageError{fmt.Errorf("--%s: %w", bound.flag, err)}
		}
		*bound.to = at
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return q, usageError{fmt.Errorf("--until: %s is not after --since, %s", q.Until.Format(time.RFC3339), q.Since.Format(time.RFC3339))}
	}
	// Filters and names are refused here, whatever would read them.
	if _, err := history.ParseQuery(q.Values()); err != nil {
		return q, usageError{fmt.Errorf("--%w", err)}
	}
	return q, nil
}

// outputFlag is -o with the values that a command knows.
func outputFlag(flags *pflag.FlagSet, to *string, values ...string) {
	flags.StringVarP(to, "output", "o", values[0], "how to print: "+strings.Join(values, ", "))
}

func checkOutput(output string, values ...string) error {
	if !slices.Contains(values, output) {
		return usageError{fmt.Errorf("--output=%q: want %s", output, strings.Join(values, " or "))}
	}
	return nil
}
