// Command command runs command, with FUNCTION=command: it takes CloudEvents on
// PORT, runs commands and answers with outcome events.
package main

import (
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/command"
)

func main() { catalog.Main(command.Function) }
