package lease_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

const key = "apps/v1/deployments/shop/frontend"

type world struct {
	client *cluster.Client
	config *rest.Config
	leases dynamic.ResourceInterface
}

func newWorld(t testing.TB) *world {
	t.Helper()
	config := kube.Start(t)
	client := cluster.For(config, kube.Namespace(t, config))
	leases, err := client.Resource(schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}, client.Namespace())
	if err != nil {
		t.Fatal(err)
	}
	return &world{client, config, leases}
}

func (w *world) locker(d time.Duration, c *functiontest.Clock) *lease.Locker {
	return &lease.Locker{Client: w.client, Function: "tester", Duration: d, Now: c.Now}
}

func take(t *testing.T, l *lease.Locker, wait time.Duration) (context.Context, func()) {
	t.Helper()
	held, release, err := l.Lock(t.Context(), key, wait)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return held, release
}

func wantHeld(t *testing.T, l *lease.Locker) {
	t.Helper()
	if _, _, err := l.Lock(t.Context(), key, 0); !errors.Is(err, lease.ErrHeld) {
		t.Fatalf("got %v, want %v", err, lease.ErrHeld)
	}
}

func TestOneHolder(t *testing.T) {
	w := newWorld(t)
	clock := &functiontest.Clock{}
	a, b := w.locker(30*time.Second, clock), w.locker(30*time.Second, clock)
	held, release := take(t, a, 0)
	wantHeld(t, b)
	wantHeld(t, a) // not even the same process
	release()
	release()
	if held.Err() == nil || errors.Is(context.Cause(held), lease.ErrLost) {
		t.Errorf("released, but held says %v", context.Cause(held))
	}
	if _, err := w.leases.Get(t.Context(), a.Name(key), metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the lease is left behind: %v", err)
	}
	_, release = take(t, b, 0)
	release()
}

func TestWait(t *testing.T) {
	w := newWorld(t)
	var running, most, got atomic.Int32
	var all sync.WaitGroup
	for range 6 {
		l := w.locker(30*time.Second, &functiontest.Clock{})
		all.Go(func() {
			_, release, err := l.Lock(t.Context(), key, 30*time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			most.Store(max(most.Load(), running.Add(1)))
			got.Add(1)
			running.Add(-1)
			release()
		})
	}
	all.Wait()
	if most.Load() != 1 || got.Load() != 6 {
		t.Errorf("%d held it, at most %d at once", got.Load(), most.Load())
	}
}

func TestTakenOverOnceRunOut(t *testing.T) {
	w := newWorld(t)
	clock := &functiontest.Clock{}
	dead := w.locker(30*time.Second, &functiontest.Clock{})
	held, release := take(t, dead, 0)
	other := w.locker(30*time.Second, clock)
	clock.Advance(29 * time.Second)
	wantHeld(t, other)
	clock.Advance(2 * time.Second)
	_, second := take(t, other, 0)
	release() // the first no longer owns what it would delete
	if held.Err() == nil {
		t.Error("released, but still held")
	}
	wantHeld(t, w.locker(30*time.Second, clock))
	second()
}

func TestRenewalInTheFutureIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	ahead := &functiontest.Clock{}
	ahead.Advance(1000 * time.Hour)
	take(t, w.locker(30*time.Second, ahead), 0)
	clock := &functiontest.Clock{}
	l := w.locker(30*time.Second, clock)
	wantHeld(t, l) // seen for the first time: its holder's clock may just be ahead
	clock.Advance(29 * time.Second)
	wantHeld(t, l)
	clock.Advance(2 * time.Second)
	_, release := take(t, l, 0)
	release()
}

func TestRenewed(t *testing.T) {
	w := newWorld(t)
	l := w.locker(time.Second, &functiontest.Clock{})
	held, _ := take(t, l, 0)
	o, err := w.leases.Get(t.Context(), l.Name(key), metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first := renewal(o)
	deadline := time.Now().Add(30 * time.Second)
	for renewal(o) == first {
		if time.Now().After(deadline) || held.Err() != nil {
			t.Fatalf("not renewed: %v", context.Cause(held))
		}
		if o, err = w.leases.Get(t.Context(), l.Name(key), metav1.GetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func renewal(o *unstructured.Unstructured) string {
	s, _, _ := unstructured.NestedString(o.Object, "spec", "renewTime")
	return s
}

func TestLost(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *world, *lease.Locker, *atomic.Bool){
		"deleted": func(t *testing.T, w *world, l *lease.Locker, _ *atomic.Bool) {
			if err := w.leases.Delete(t.Context(), l.Name(key), metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		},
		"taken over": func(t *testing.T, w *world, _ *lease.Locker, _ *atomic.Bool) {
			clock := &functiontest.Clock{}
			clock.Advance(time.Minute)
			take(t, w.locker(30*time.Second, clock), 0)
		},
		"API server away": func(_ *testing.T, _ *world, _ *lease.Locker, away *atomic.Bool) { away.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var away atomic.Bool
			config := rest.CopyConfig(w.config)
			config.Wrap(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					if away.Load() {
						return nil, errors.New("no route")
					}
					return next.RoundTrip(r)
				})
			})
			l := &lease.Locker{Client: cluster.For(config, w.client.Namespace()), Function: "tester", Duration: 2 * time.Second}
			held, _ := take(t, l, 0)
			lose(t, w, l, &away)
			select {
			case <-held.Done():
				if !errors.Is(context.Cause(held), lease.ErrLost) {
					t.Errorf("ended with %v", context.Cause(held))
				}
			case <-time.After(30 * time.Second):
				t.Fatal("still held")
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
