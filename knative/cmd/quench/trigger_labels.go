package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/adapter/alert"
)

// labelFlags are the adapter's settings that decide which attributes labels become.
type labelFlags struct {
	attributes string
	only       bool
}

func (l *labelFlags) flags(c *cobra.Command) { addLabelFlags(c, &l.attributes, &l.only) }

func addLabelFlags(c *cobra.Command, attributes *string, only *bool) {
	flags := c.Flags()
	flags.StringVar(attributes, "label-attributes", "", "the adapter's LABEL_ATTRIBUTES: `label=attribute,…`")
	flags.BoolVar(only, "label-attributes-only", false, "the adapter's LABEL_ATTRIBUTES_ONLY")
}

func (l *labelFlags) mapping() (*alert.Mapping, error) {
	m, err := alert.NewMapping(l.attributes, l.only)
	if err != nil {
		return nil, usageError{fmt.Errorf("--label-attributes: %w", err)}
	}
	return m, nil
}
