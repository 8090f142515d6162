// Command function runs the function that FUNCTION names, one of those that need
// the Kubernetes API and no more. What the others need besides, for registries,
// chats and metrics, would double its size and its time to start, so that they are
// in another executable.
package main

import (
	"github.com/quench-dev/quench/config/program"
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/rollback"
)

func main() {
	program.Main(catalog.Program(jobrunner.Function, rollback.Function, jobresults.Function, enricher.Function))
}
