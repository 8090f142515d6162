// Command adapter takes webhooks of Prometheus Alertmanager in and sends each
// alert to K_SINK as a CloudEvent. Called as gate, through a link or with that as its
// first argument, it answers a readiness probe instead. Settings are environment
// variables.
package main

import (
	"github.com/quench-dev/quench/adapter"
	"github.com/quench-dev/quench/adapter/gate"
	"github.com/quench-dev/quench/config/program"
)

func main() { program.Main(adapter.Program(), gate.Program()) }
