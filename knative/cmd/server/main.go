// Command server is the programs of quench's image beside the adapter and the
// functions that need the Kubernetes API alone. In the image each is a link to it,
// and it runs the one that it is called as; elsewhere its first argument says which.
package main

import (
	"github.com/quench-dev/quench/config/program"
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/command"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/knative/archive"
	"github.com/quench-dev/quench/knative/deadletter"
	"github.com/quench-dev/quench/knative/keyring"
)

func main() {
	program.Main(
		archive.Program(),
		catalog.Program(command.Function),
		deadletter.Program(),
		catalog.Program(imagepatcher.Function),
		keyring.Program(),
		catalog.Program(notifier.Function),
	)
}
