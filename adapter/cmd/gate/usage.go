package main

import (
	"fmt"
	"os"

	"github.com/quench-dev/quench/config"
)

// usage prints the environment variables, from the struct that is read.
func usage() {
	fmt.Fprint(os.Stderr, "Usage: gate [--version]\n\nAnswers a readiness probe: not ready while alerts fire. Environment variables:\n\n")
	config.WriteTable(os.Stderr, config.Gate{})
}
