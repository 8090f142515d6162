package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/knative/trigger"
	"github.com/quench-dev/quench/knative/trigger/source"
)

func newTrigger() *cobra.Command {
	c := &cobra.Command{
		Use:   "trigger",
		Short: "Write Triggers, and know what they catch",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newTriggerNew(), newTriggerLint(), newTriggerTest(), newTriggerExplain(), newTriggerWatch())
	return c
}

// triggerSource says where Triggers are read from.
type triggerSource struct {
	paths      []string
	cluster    bool
	kubeconfig string
	namespace  string
}

func (s *triggerSource) flags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringArrayVarP(&s.paths, "triggers", "t", nil, "`YAML` file, folder or kustomize folder of Triggers, - for standard input; may be given several times")
	flags.BoolVar(&s.cluster, "cluster", false, "the Triggers of the cluster that --kubeconfig or $KUBECONFIG names")
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "`file` that names the cluster (default $KUBECONFIG)")
	flags.StringVarP(&s.namespace, "namespace", "n", "", "with --cluster: only the Triggers of this namespace")
}

// given says whether Triggers are named at all.
func (s *triggerSource) given() bool { return len(s.paths) > 0 || s.cluster }

// load reads the Triggers, those of more paths, too.
func (s *triggerSource) load(ctx context.Context, stdin io.Reader, more ...string) ([]*trigger.Trigger, error) {
	options := source.Options{Paths: append(more, s.paths...), Stdin: stdin, Cluster: s.cluster, Namespace: s.namespace, Kubeconfig: s.kubeconfig}
	if options.Kubeconfig == "" {
		options.Kubeconfig = os.Getenv("KUBECONFIG")
	}
	if s.cluster && options.Kubeconfig == "" {
		return nil, usageError{errors.New("--cluster: name one with --kubeconfig or $KUBECONFIG")}
	}
	set, err := source.Open(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("read triggers: %w", err)
	}
	triggers, err := trigger.Loader{}.From(set)
	if err == nil && len(triggers) == 0 {
		where := strings.Join(options.Paths, ", ")
		if s.cluster {
			where = strings.TrimPrefix(where+", the cluster", ", ")
		}
		err = fmt.Errorf("read triggers: no %s Trigger in %s", trigger.APIVersion, where)
	}
	return triggers, err
}
