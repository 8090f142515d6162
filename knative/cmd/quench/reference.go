package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/knative/cli"
)

//go:generate go run . reference README.md

// newReference writes README.md beside this file; it is for those who develop quench.
func newReference() *cobra.Command {
	return &cobra.Command{
		Use:    "reference FILE",
		Short:  "Write the reference of all commands",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return os.WriteFile(args[0], cli.Reference(newRoot()), 0o644)
		},
	}
}
