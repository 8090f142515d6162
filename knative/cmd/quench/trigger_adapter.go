package main

import (
	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/knative/trigger/cases"
)

// adapterFlags are the adapter's settings that decide on an event's attributes.
type adapterFlags struct{ cases.Adapter }

func (a *adapterFlags) flags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&a.ClusterName, "cluster-name", "default", "the adapter's CLUSTER_NAME")
	addLabelFlags(c, &a.LabelAttributes, &a.LabelAttributesOnly)
	flags.BoolVar(&a.GroupEvents, "group-events", false, "the adapter's GROUP_EVENTS: also an event for the whole webhook")
}
