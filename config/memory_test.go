package config

import (
	"runtime/debug"
	"testing"
)

// What the environment says holds; without it garbage is collected seldom, and memory has a soft limit.
func TestCollectSeldom(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(1<<40)
	t.Cleanup(func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) })
	t.Setenv("GOGC", "50")
	t.Setenv("GOMEMLIMIT", "1GiB")
	CollectSeldom()
	if got, most := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); got != 100 || most != 1<<40 {
		t.Errorf("against the environment: %d %%, %d bytes", got, most)
	}
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	CollectSeldom()
	if got, most := debug.SetGCPercent(100), debug.SetMemoryLimit(-1); got != 400 || most != 80<<20 {
		t.Errorf("without it: %d %%, %d bytes", got, most)
	}
}
