package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/knative/keyring"
)

// keysFlags name the installation whose keys are meant.
type keysFlags struct {
	kubeconfig, namespace string
	dryRun                bool
}

func newKeys() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Make, rotate and check the keys that events are signed with",
		Long: `The adapter signs every event, and functions act on no other. On a cluster the private key is in the Secret
quench-signing-key, which the adapter alone mounts, and the public ones are in the ConfigMap quench-verify-keys, which
functions mount. What an operator sends on purpose is signed with a key of the operator's own.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newKeysNew(), newKeysEnsure(), newKeysRotate(), newKeysDropOld(), newKeysTrust(), newKeysCheck())
	return c
}

func newKeysEnsure() *cobra.Command {
	return onRing(&cobra.Command{
		Use:   "ensure",
		Short: "Make keys on the cluster where there are none",
		Example: `  quench keys ensure --dry-run
  quench keys ensure`,
		Args: noArguments,
	}, true, func(ctx context.Context, r *keyring.Ring, _ []string, _ io.Writer) error { return r.Ensure(ctx) })
}

func newKeysRotate() *cobra.Command {
	var wait time.Duration
	c := onRing(&cobra.Command{
		Use:   "rotate",
		Short: "Have the adapter sign with a new key",
		Long: `Makes a new key, gives functions its public half, waits until all of them have it, and has the adapter sign with it.
Cut off while it waits, it goes on where it was when it is run again. The old key is still believed, for what it has
signed: quench keys drop-old ends that.`,
		Example: `  quench keys rotate --dry-run
  quench keys rotate                             # takes 3 minutes`,
		Args: noArguments,
	}, true, func(ctx context.Context, r *keyring.Ring, _ []string, _ io.Writer) error { return r.Rotate(ctx, wait) })
	c.Flags().DurationVar(&wait, "wait", 3*time.Minute, "how long functions may take to know the new key; kubelet takes up to two minutes")
	return c
}

func newKeysDropOld() *cobra.Command {
	var after time.Duration
	c := onRing(&cobra.Command{
		Use:   "drop-old",
		Short: "Have functions believe no old key of the adapter's any more",
		Example: `  quench keys drop-old                           # an hour after a rotation
  quench keys drop-old --after 0s                # at once: the old key is in wrong hands`,
		Args: noArguments,
	}, true, func(ctx context.Context, r *keyring.Ring, _ []string, _ io.Writer) error {
		return r.DropOld(ctx, after)
	})
	c.Flags().DurationVar(&after, "after", 70*time.Minute, "how long the new key must have signed: MAX_EVENT_AGE and some minutes; 0s for a key in wrong hands")
	return c
}

func newKeysTrust() *cobra.Command {
	return onRing(&cobra.Command{
		Use:     "trust FILE",
		Short:   "Have functions believe an operator's public key",
		Example: `  quench keys trust ~/alice.pub`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("name one file with an operator's public key, such as alice.pub")}
			}
			return nil
		},
	}, true, func(ctx context.Context, r *keyring.Ring, args []string, _ io.Writer) error {
		text, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		if err := r.Trust(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return nil
	})
}

func newKeysCheck() *cobra.Command {
	return onRing(&cobra.Command{
		Use:   "check",
		Short: "Say which keys there are, and whether the adapter's and the functions' fit",
		Example: `  quench keys check
  quench keys check --kubeconfig ~/.kube/config -n quench`,
		Args: noArguments,
	}, false, func(ctx context.Context, r *keyring.Ring, _ []string, out io.Writer) error {
		keys, err := r.Check(ctx)
		if len(keys) == 0 {
			return err
		}
		table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
		fmt.Fprintln(table, "KEY\tOWNER\tSTATE\tSINCE")
		for _, k := range keys {
			since := "unknown"
			if !k.Since.IsZero() {
				since = k.Since.Format(time.RFC3339)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", k.ID, k.Owner, k.State, since)
		}
		return errors.Join(table.Flush(), err)
	})
}

// onRing has a command run on the keys of the installation that its flags name.
func onRing(c *cobra.Command, writes bool, do func(context.Context, *keyring.Ring, []string, io.Writer) error) *cobra.Command {
	var f keysFlags
	c.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "`file` that names the cluster (default $KUBECONFIG; in a pod, the pod's)")
	c.Flags().StringVarP(&f.namespace, "namespace", "n", "", "where quench is installed (default quench; in a pod, the pod's)")
	if writes {
		c.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and change nothing")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		r, err := f.ring(c.OutOrStdout())
		if err != nil {
			return err
		}
		return do(c.Context(), r, args, c.OutOrStdout())
	}
	return c
}

func (f *keysFlags) ring(out io.Writer) (*keyring.Ring, error) {
	if f.kubeconfig == "" {
		f.kubeconfig = os.Getenv("KUBECONFIG")
	}
	if f.kubeconfig != "" && f.namespace == "" {
		f.namespace = "quench"
	}
	client, err := cluster.Open(f.kubeconfig, f.namespace)
	if err != nil {
		return nil, err
	}
	if err := client.Check(); errors.Is(err, cluster.ErrNone) {
		return nil, errors.New("no cluster: name one with --kubeconfig or $KUBECONFIG")
	} else if err != nil {
		return nil, err
	}
	return &keyring.Ring{Client: client, DryRun: f.dryRun, Say: func(line string) { fmt.Fprintln(out, line) }}, nil
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%q: %s takes no arguments; %s --help lists what there is", args[0], c.CommandPath(), c.CommandPath())}
	}
	return nil
}
