package store_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/quench-dev/quench/knative/archive/store"
)

// BenchmarkWrite is writers at once into SQLite, each waiting until its event is on disk.
func BenchmarkWrite(b *testing.B) {
	s, err := store.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "archive.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			if _, err := s.Write(b.Context(), store.Arrival{Event: alertEvent(fmt.Sprintf("e%d", i), nil)}); err != nil {
				b.Error(err)
			}
		}
	})
}
