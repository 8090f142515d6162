package lease_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/function/functiontest"
)

// BenchmarkLock takes a lock and releases it on the embedded API server, beside the two calls that this takes at least.
func BenchmarkLock(b *testing.B) {
	w := newWorld(b)
	b.Run("quench", func(b *testing.B) {
		l := w.locker(30*time.Second, &functiontest.Clock{})
		for b.Loop() {
			_, release, err := l.Lock(b.Context(), key, 0)
			if err != nil {
				b.Fatal(err)
			}
			release()
		}
	})
	b.Run("calls", func(b *testing.B) {
		bare := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": map[string]any{"name": "bare"},
		}}
		for b.Loop() {
			if _, err := w.leases.Create(b.Context(), bare, metav1.CreateOptions{}); err != nil {
				b.Fatal(err)
			}
			if err := w.leases.Delete(b.Context(), "bare", metav1.DeleteOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
