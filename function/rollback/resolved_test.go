package rollback_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/rollback"
	"github.com/quench-dev/quench/tests/kube"
)

func TestResolvedThenLateFiring(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2")
	a := w.alert("pod", w.pod(t, "shop", "app:2"))
	fired := w.Clock.Now()
	late := functiontest.Event(t, a, fired)
	f := w.function(t)
	o := functiontest.Handle(t, f, functiontest.Event(t, functiontest.Resolved(a), fired.Add(time.Minute)))
	o.Want(t, function.Skipped, function.ReasonResolved)
	if !strings.Contains(o.Message, "is not fully available") {
		t.Errorf("message is %q", o.Message)
	}
	functiontest.Handle(t, f, late).Want(t, function.Skipped, function.ReasonAlertResolved)
	s := w.wantImage(t, "Deployment", "shop", "app:2")
	if good := s.revisions[0].annotations["quench.dev/known-good"]; good != "" {
		t.Errorf("known to be good: %s", good)
	}

	// Alertmanager took the alert for resolved, and it fires on: that is news.
	functiontest.Handle(t, f, functiontest.Event(t, a, fired.Add(2*time.Minute))).Want(t, function.Succeeded, rollback.ReasonRolledBack)
}

// ready makes all pods of a Deployment ready, as a kubelet would tell it, and waits until its controller knows.
func (w *world) ready(t *testing.T, name string) {
	t.Helper()
	kube.Eventually(t, name+" to be available", func(ctx context.Context) error {
		pods, err := w.kube.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			return err
		}
		for i := range pods.Items {
			if err := w.told(ctx, &pods.Items[i]); err != nil {
				return err
			}
		}
		return w.available(ctx, name)
	})
}

// told says of a pod what a kubelet would: there is none here.
func (w *world) told(ctx context.Context, pod *corev1.Pod) error {
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
	_, err := w.kube.CoreV1().Pods(w.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	return err
}

func (w *world) available(ctx context.Context, name string) error {
	d, err := w.deployment(ctx, name)
	if err == nil && (d.Status.ObservedGeneration < d.Generation || d.Status.AvailableReplicas != *d.Spec.Replicas || d.Status.Replicas != *d.Spec.Replicas) {
		err = fmt.Errorf("status is %+v", d.Status)
	}
	return err
}

// An alert that resolves while all is well is the proof that ROLLBACK_TO=known-good goes by.
func TestKnownGood(t *testing.T) {
	w := newWorld(t)
	w.release(t, "Deployment", "shop", "app:1")
	w.ready(t, "shop")
	o := w.handle(t, functiontest.Resolved(w.alert("deployment", "shop")))
	o.Want(t, function.Skipped, function.ReasonResolved)
	if !strings.Contains(o.Message, "is fully available, which was noted") {
		t.Fatalf("message is %q", o.Message)
	}
	w.releases(t, "Deployment", "shop", "app:2", "app:3")
	s := w.wantImage(t, "Deployment", "shop", "app:3")
	if first := s.of(t, "app:1"); !strings.HasPrefix(first.annotations["quench.dev/known-good"], first.uid+" ") {
		t.Errorf("annotations are %v", first.annotations)
	}
	f := w.functionOn(t, w.Client, rollback.Options{To: rollback.KnownGood})
	functiontest.Handle(t, f, functiontest.Event(t, w.alert("deployment", "shop", "severity", "critical"), w.Clock.Now())).
		Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.settled(t, "Deployment", "shop", "app:1")
}

func TestKnownGoodOfStatefulSetsAndDaemonSets(t *testing.T) {
	for _, kind := range []string{"StatefulSet", "DaemonSet"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			w.node(t)
			w.release(t, kind, "db", "app:1")
			pod := w.pod(t, "db", "app:1")
			f := w.functionOn(t, w.Client, rollback.Options{To: rollback.KnownGood})
			over := functiontest.Event(t, functiontest.Resolved(w.alert("pod", pod)), w.Clock.Now())
			o := functiontest.Handle(t, f, over)
			if o.Want(t, function.Skipped, function.ReasonResolved); !strings.Contains(o.Message, "is not fully available") {
				t.Errorf("message is %q", o.Message)
			}
			kube.Eventually(t, "it to be known to be good", func(ctx context.Context) error {
				there, err := w.kube.CoreV1().Pods(w.Namespace).Get(ctx, pod, metav1.GetOptions{})
				if err != nil {
					return err
				}
				if err := w.told(ctx, there); err != nil {
					return err
				}
				reply, err := f.Handle(ctx, over)
				if err != nil {
					return err
				}
				if o := functiontest.Read(t, reply); !strings.Contains(o.Message, "fully available, which was noted") {
					return fmt.Errorf("message is %q", o.Message)
				}
				return nil
			})
			w.releases(t, kind, "db", "app:2", "app:3")
			functiontest.Handle(t, f, functiontest.Event(t, w.alert(strings.ToLower(kind), "db"), w.Clock.Now())).
				Want(t, function.Succeeded, rollback.ReasonRolledBack)
			w.settled(t, kind, "db", "app:1")
		})
	}
}
