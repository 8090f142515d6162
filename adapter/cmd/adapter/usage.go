package main

import (
	"fmt"
	"os"

	"github.com/quench-dev/quench/config"
)

// usage prints the environment variables, from the structs that are read.
func usage() {
	fmt.Fprint(os.Stderr, "Usage: adapter [--version]\n\nTakes Alertmanager's webhooks in and sends their alerts to K_SINK. Environment variables:\n\n")
	config.WriteTable(os.Stderr, config.Adapter{})
}
