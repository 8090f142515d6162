package lease

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// holding is a lock while it is held.
type holding struct {
	l      *Locker
	leases dynamic.ResourceInterface
	ctx    context.Context
	lose   context.CancelCauseFunc
	once   sync.Once
	stop   chan struct{} // closed to end renewing
	done   chan struct{} // closed when renewing has ended

	object *unstructured.Unstructured // renew's until done is closed
}

// hold outlives ctx, and keeps its values: the lock's own calls are on behalf of the
// same event.
func hold(ctx context.Context, l *Locker, leases dynamic.ResourceInterface, object *unstructured.Unstructured) *holding {
	h := &holding{l: l, leases: leases, object: object, stop: make(chan struct{}), done: make(chan struct{})}
	ctx = context.WithoutCancel(ctx)
	h.ctx, h.lose = context.WithCancelCause(ctx)
	go h.renew(ctx)
	return h
}

// renew keeps the lock until it is released. It gives the lock up while a
// quarter of the duration is left, so that the work has ended before another
// may take over.
func (h *holding) renew(ctx context.Context) {
	defer close(h.done)
	duration := h.l.duration()
	renewed := time.Now()
	for pause := duration / 3; ; {
		select {
		case <-h.stop:
			return
		case <-time.After(pause):
		}
		began := time.Now()
		ctx, cancel := context.WithDeadline(ctx, renewed.Add(duration*3/4))
		err := h.push(ctx)
		cancel()
		switch {
		case err == nil:
			renewed, pause = began, duration/3
		case apierrors.IsConflict(err) || apierrors.IsNotFound(err) || time.Since(renewed) >= duration*3/4:
			h.lose(fmt.Errorf("%w: %w", ErrLost, err))
			return
		default:
			pause = duration / 12
		}
	}
}

func (h *holding) push(ctx context.Context) error {
	next := h.object.DeepCopy()
	now := h.l.now().UTC().Format(metav1.RFC3339Micro)
	if err := unstructured.SetNestedField(next.Object, now, "spec", "renewTime"); err != nil {
		return err
	}
	next, err := h.leases.Update(ctx, next, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	h.object = next
	return nil
}

// release deletes the Lease, if it is still ours.
func (h *holding) release() {
	h.once.Do(func() {
		close(h.stop)
		<-h.done // a renewal under way changes the version that is to be deleted
		lost := h.ctx.Err() != nil
		h.lose(context.Canceled)
		if lost {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), h.l.duration())
		defer cancel()
		uid, version := h.object.GetUID(), h.object.GetResourceVersion()
		_ = h.leases.Delete(ctx, h.object.GetName(), metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
		})
	})
}
