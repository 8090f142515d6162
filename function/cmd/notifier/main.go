// Command notifier runs notifier, with FUNCTION=notifier: it takes CloudEvents on
// PORT and tells people.
package main

import (
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/notifier"
)

func main() { catalog.Main(notifier.Function) }
