// Command image-patcher runs image-patcher, with FUNCTION=image-patcher: it takes
// CloudEvents on PORT and answers with outcome events.
package main

import (
	"github.com/quench-dev/quench/function/catalog"
	"github.com/quench-dev/quench/function/imagepatcher"
)

func main() { catalog.Main(imagepatcher.Function) }
