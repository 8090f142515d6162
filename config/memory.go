package config

import (
	"os"
	"runtime/debug"
)

// CollectSeldom lets garbage lie: of heaps as small as those of the adapter and the functions Go would collect at every
// 4 MB, which is several times in a start and every few hundred events. GOGC and GOMEMLIMIT say otherwise.
func CollectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(80 << 20) // bytes; soft
	}
}
