package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/quench-dev/quench/config"
)

// build says what a program was made of.
type build struct {
	Version   string `json:"version"`
	Revision  string `json:"revision"` // the commit; "unknown" where it is not known
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

func newVersion() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "version",
		Short: "Say which version this is, and what it was built of",
		Example: `  quench version
  quench version -o json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			b := build{config.Version, config.Revision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			switch output {
			case "text":
				fmt.Fprintf(c.OutOrStdout(), "version   %s\nrevision  %s\ngo        %s\nplatform  %s\n", b.Version, b.Revision, b.GoVersion, b.Platform)
				return nil
			case "json":
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(b)
			}
			return usageError{fmt.Errorf("--output=%q: want text or json", output)}
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "text", "`format`: text or json")
	return c
}
