// Package lease locks one thing at a time across all pods of a function, by a
// coordination.k8s.io/v1 Lease: whoever makes the object holds the lock.
//
// A holder renews it at a third of its duration. Where it cannot, or finds that
// somebody else has taken over, what Lock returned as held ends, and the work
// under the lock must end with it. A pod that dies leaves its Lease behind; it is
// taken over once it has run out. That compares two machines' clocks, so clocks
// must not differ by more than the duration; a renewal in the future is not
// believed: such a Lease has run out when this process has seen it unchanged for
// its duration.
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/quench-dev/quench/adapter/alert"
)

var resource = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

// ErrHeld means that somebody else holds the lock.
var ErrHeld = errors.New("held by another")

// ErrLost is why held ended although nobody released it.
var ErrLost = errors.New("lock lost")

// Client reaches the API server.
type Client interface {
	Resource(gvr schema.GroupVersionResource, namespace string) (dynamic.ResourceInterface, error)
	Namespace() string
}

// Locker makes the locks of one function.
type Locker struct {
	Client   Client
	Function string
	Duration time.Duration    // how long a lock outlives its holder; at least a second
	Now      func() time.Time // nil is time.Now

	mu   sync.Mutex
	seen map[string]sighting // Leases renewed in the future, by name
}

// Name is the Lease of a key.
func (l *Locker) Name(key string) string {
	return l.Function + "-" + alert.Hash("lease", l.Function, key)
}

// Lock takes the lock of key. While another holds it, it tries again for as long
// as wait, then answers ErrHeld. held ends when the lock is lost or released;
// release may be called more than once, and never fails: what it cannot delete
// runs out.
func (l *Locker) Lock(ctx context.Context, key string, wait time.Duration) (held context.Context, release func(), err error) {
	leases, err := l.Client.Resource(resource, l.Client.Namespace())
	if err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", key, err)
	}
	holder := rand.Text()
	deadline := time.Now().Add(wait)
	for try := 0; ; try++ {
		object, err := l.acquire(ctx, leases, key, holder)
		if err == nil {
			h := hold(ctx, l, leases, object)
			return h.ctx, h.release, nil
		}
		left := time.Until(deadline)
		if !errors.Is(err, ErrHeld) || left <= 0 {
			return nil, nil, fmt.Errorf("lock %s: %w", key, err)
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("lock %s: %w", key, context.Cause(ctx))
		case <-time.After(min(pause(try), left)):
		}
	}
}

// acquire makes the Lease, or takes over one that has run out.
func (l *Locker) acquire(ctx context.Context, leases dynamic.ResourceInterface, key, holder string) (*unstructured.Unstructured, error) {
	object := l.object(key, holder)
	made, err := leases.Create(ctx, object, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return made, wrap("create lease", err)
	}
	found, err := leases.Get(ctx, object.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, ErrHeld // released in between; whoever waits tries again
	case err != nil:
		return nil, wrap("get lease", err)
	case !l.ranOut(found):
		return nil, ErrHeld
	}
	object.SetResourceVersion(found.GetResourceVersion())
	object.SetUID(found.GetUID())
	taken, err := leases.Update(ctx, object, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil, ErrHeld // somebody was faster
	}
	return taken, wrap("take over lease", err)
}

func wrap(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", verb, err)
}

func (l *Locker) object(key, holder string) *unstructured.Unstructured {
	now := l.now().UTC().Format(metav1.RFC3339Micro)
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "coordination.k8s.io/v1",
		"kind":       "Lease",
		"spec": map[string]any{
			"holderIdentity":       holder,
			"leaseDurationSeconds": int64(l.duration() / time.Second),
			"acquireTime":          now,
			"renewTime":            now,
		},
	}}
	o.SetName(l.Name(key))
	o.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "quench", "quench.dev/function": l.Function})
	o.SetAnnotations(map[string]string{"quench.dev/target": key})
	return o
}

func (l *Locker) duration() time.Duration { return max(l.Duration.Truncate(time.Second), time.Second) }

func (l *Locker) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}
