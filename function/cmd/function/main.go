// Command function runs the function that FUNCTION names, one of those that need
// the Kubernetes API and no more. What the others need besides, for registries,
// chats and metrics, would double its size and its time to start, so that they are
// programs of their own.
package main

import (
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/rollback"
)

func main() {
	catalog.Main(jobrunner.Function, rollback.Function, jobresults.Function, enricher.Function)
}
