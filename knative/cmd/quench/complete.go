package main

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/knative/cli"
)

// patience is how long somebody waits for a completion.
const patience = 2 * time.Second

func completions() cli.Values {
	functions := append(catalog.Names(), enricher.Name, notifier.Name)
	slices.Sort(functions)
	return cli.Values{Namespaces: namespaces, Functions: functions}
}

// namespaces are those of the cluster of --kubeconfig or $KUBECONFIG; none where it
// does not answer in time.
func namespaces(c *cobra.Command) []string {
	kubeconfig := os.Getenv("KUBECONFIG")
	if f := c.Flag("kubeconfig"); f != nil && f.Value.String() != "" {
		kubeconfig = f.Value.String()
	}
	if kubeconfig == "" {
		return nil
	}
	client, err := cluster.Open(kubeconfig, "default")
	if err != nil {
		return nil
	}
	objects, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "")
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	list, err := objects.List(ctx, metav1.ListOptions{Limit: 500})
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(list.Items))
	for _, o := range list.Items {
		names = append(names, o.GetName())
	}
	return names
}

// policyFields are what can be explained.
func policyFields(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var all []string
	for _, f := range policy.Fields() {
		all = append(all, f.Path)
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
