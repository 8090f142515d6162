package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/knative/ingress"
)

// approveFlags say which cluster, and who answers.
type approveFlags struct {
	kubeconfig, namespace, broker, key string
	wait                               time.Duration
}

func newApprove() *cobra.Command {
	return approveCommand(&cobra.Command{
		Use:   "approve [ID]",
		Short: "Have done what a function proposed, or list what waits",
		Long: `A function whose mode is propose (see quench policy explain defaults.mode) tells what it would do, and an id. quench
approve ID shows it, signs an approval with your operator's key, and sends it through the Broker, by way of the API server.
The function plans anew, and acts only if its plan is still the one that was approved. Without ID it lists what waits.`,
		Example: `  quench approve
  quench approve 3f2a9c81b0de --key alice.key`,
	}, true)
}

func newReject() *cobra.Command {
	return approveCommand(&cobra.Command{
		Use:     "reject ID",
		Short:   "Have what a function proposed not done",
		Example: "  quench reject 3f2a9c81b0de --key alice.key",
	}, false)
}

func approveCommand(c *cobra.Command, granted bool) *cobra.Command {
	var f approveFlags
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 1 || len(args) == 0 && !granted {
			return usageError{errors.New("name one proposal; quench approve lists them")}
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if f.kubeconfig == "" {
			f.kubeconfig = os.Getenv("KUBECONFIG")
		}
		if f.kubeconfig == "" {
			return usageError{errors.New("name a cluster with --kubeconfig or $KUBECONFIG")}
		}
		client, err := cluster.Open(f.kubeconfig, f.namespace)
		if err != nil {
			return err
		}
		records := &record.Remediations{Client: client}
		if len(args) == 0 {
			return listProposals(c.Context(), c.OutOrStdout(), records)
		}
		return f.answer(c.Context(), c.OutOrStdout(), records, args[0], granted)
	}
	flags := c.Flags()
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "`file` that names the cluster (default $KUBECONFIG)")
	flags.StringVarP(&f.namespace, "namespace", "n", "quench", "where quench is installed")
	flags.StringVar(&f.broker, "broker", "default", "the Broker's `name`")
	flags.StringVar(&f.key, "key", os.Getenv("QUENCH_KEY"), "your private key, a `file` that quench keys new --operator made (default $QUENCH_KEY)")
	flags.DurationVar(&f.wait, "wait", time.Minute, "how long to wait for what becomes of it; 0s does not")
	return c
}

func listProposals(ctx context.Context, w io.Writer, records *record.Remediations) error {
	all, err := records.Proposals(ctx, "")
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "APPROVAL\tALERT\tFUNCTION\tUNTIL\tWHAT")
	for _, r := range all {
		if r.Phase == record.Proposed && time.Now().Before(r.Proposal.ExpiresAt) {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Proposal.ID, r.Alertname, r.Function, r.Proposal.ExpiresAt.Local().Format(time.TimeOnly), r.Summary)
		}
	}
	return table.Flush()
}

var approvalID = regexp.MustCompile(`^[0-9a-f]{12}$`)

func (f *approveFlags) answer(ctx context.Context, w io.Writer, records *record.Remediations, id string, granted bool) error {
	if !approvalID.MatchString(id) {
		return usageError{fmt.Errorf("%q is no approval's id; want 12 digits such as 3f2a9c81b0de", id)}
	}
	if f.key == "" {
		return usageError{errors.New("--key is missing: name your private key, which quench keys new --operator makes")}
	}
	key, err := alert.ReadSigningKey(f.key)
	if err != nil {
		return fmt.Errorf("--key: %w", err)
	}
	found, err := records.Proposals(ctx, id)
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return fmt.Errorf("no proposal %s in namespace %s; quench approve lists what waits", id, f.namespace)
	case found[0].Phase != record.Proposed:
		return fmt.Errorf("proposal %s is over: %s %s: %s", id, found[0].Outcome, found[0].Reason, found[0].Message)
	}
	rec := found[0]
	fmt.Fprintf(w, "%s, for alert %s: %s\n", rec.Function, rec.Alertname, rec.Summary)
	for _, c := range rec.Changes {
		fmt.Fprintf(w, "%s %s\n%s\n", c.Op, c.Object, c.Diff)
	}
	e, err := function.NewApproval(rec, granted, time.Now())
	if err != nil {
		return err
	}
	if err := key.Sign(&e); err != nil {
		return err
	}
	if err := ingress.Send(ctx, f.kubeconfig, f.namespace, f.broker, e); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: sent through Broker %s/%s\n", e.Type(), f.namespace, f.broker)
	return f.outcome(ctx, w, records, rec)
}

// outcome waits for what the function makes of it.
func (f *approveFlags) outcome(ctx context.Context, w io.Writer, records *record.Remediations, rec *record.Record) error {
	if f.wait <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.wait)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := records.Get(ctx, rec.Name)
		switch {
		case err != nil && ctx.Err() == nil:
			return err
		case now != nil && now.Done():
			fmt.Fprintf(w, "%s %s: %s (by %s)\n", now.Outcome, now.Reason, now.Message, now.ApprovedBy)
			return nil
		case now != nil && now.Proposal != nil && now.Proposal.ID != rec.Proposal.ID:
			return fmt.Errorf("what would be done has changed since, and was not done; it waits as proposal %s", now.Proposal.ID)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no outcome within %s; the outcome event says why: is the Trigger for %s's approvals there, and does it trust your key (quench keys trust)?", f.wait, rec.Function)
		case <-tick.C:
		}
	}
}
