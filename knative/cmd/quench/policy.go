package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/policy"
)

func newPolicy() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Check and explain what functions are allowed to do",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newPolicyCheck(), newPolicyExplain())
	return c
}

func newPolicyCheck() *cobra.Command {
	var kubeconfig, namespace, configMap string
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say what is wrong with a policy, and what it allows",
		Long: `Reads a policy from FILE (- is standard input) or, without one, from the cluster that --kubeconfig or $KUBECONFIG
names, and prints what it says of each function. What is wrong is told field by field, and the exit code is 1.`,
		Example: `  quench policy check knative/base/policy.yaml
  quench policy check --kubeconfig ~/.kube/config`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name, text, err := policyText(c, args, kubeconfig, namespace, configMap)
			if err != nil {
				return err
			}
			p, err := policy.Parse(name, []byte(text), catalog.Names())
			if err != nil {
				return err
			}
			tellPolicy(c.OutOrStdout(), name, p)
			return nil
		},
	}
	flags := c.Flags()
	flags.StringVar(&kubeconfig, "kubeconfig", "", "`file` that names the cluster (default $KUBECONFIG)")
	flags.StringVarP(&namespace, "namespace", "n", "quench", "where the ConfigMap is")
	flags.StringVar(&configMap, "config-map", "quench-policy", "the ConfigMap's `name`")
	return c
}

func policyText(c *cobra.Command, args []string, kubeconfig, namespace, configMap string) (name, text string, err error) {
	if len(args) == 1 {
		return policyFile(c.InOrStdin(), args[0])
	}
	if kubeconfig == "" {
		kubeconfig = os.Getenv("KUBECONFIG")
	}
	if kubeconfig == "" {
		return "", "", usageError{errors.New("name a FILE, or a cluster with --kubeconfig or $KUBECONFIG")}
	}
	client, err := cluster.Open(kubeconfig, namespace)
	if err != nil {
		return "", "", err
	}
	objects, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, namespace)
	if err != nil {
		return "", "", err
	}
	name = "ConfigMap " + namespace + "/" + configMap
	o, err := objects.Get(c.Context(), configMap, metav1.GetOptions{})
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", name, err)
	}
	text, err = policy.Text(o)
	return name, text, err
}

func policyFile(stdin io.Reader, path string) (name, text string, err error) {
	if path == "-" {
		b, err := io.ReadAll(io.LimitReader(stdin, policy.MaxBytes+1))
		return "standard input", string(b), err
	}
	text, err = policy.ReadFile(path)
	return path, text, err
}

// tellPolicy prints what holds for each function: where a field is wrong in
// meaning, though not in form, it is seen here.
func tellPolicy(w io.Writer, name string, p *policy.Policy) {
	fmt.Fprintf(w, "%s is a policy that functions can read\n", name)
	for _, function := range append(catalog.Names(), p.Own()...) {
		fmt.Fprintf(w, "  %-14s %s\n", function, p.For(function))
	}
}

func newPolicyExplain() *cobra.Command {
	return &cobra.Command{
		Use:     "explain [FIELD]",
		Short:   "Describe the fields of a policy",
		Example: "  quench policy explain\n  quench policy explain defaults.breaker",
		Args:    cobra.MaximumNArgs(1),

		ValidArgsFunction: policyFields,
		RunE: func(c *cobra.Command, args []string) error {
			field := ""
			if len(args) == 1 {
				field = args[0]
			}
			return policy.Explain(c.OutOrStdout(), field)
		},
	}
}
