// Package all knows every function.
package all

import (
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/function/rollback"
)

// Functions are all of quench's own.
func Functions() []catalog.Entry {
	return []catalog.Entry{
		command.Function, enricher.Function, imagepatcher.Function, jobresults.Function, jobrunner.Function, notifier.Function, rollback.Function,
	}
}
