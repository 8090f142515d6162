package knative_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/quench-dev/quench/tests/kube"
)

// gated is the gate as it is installed, with pods that a real API server and real controllers have made and admitted. There
// is no kubelet: the test says whether a pod is ready. (tests/e2e has one.)
type gated struct {
	*testing.T
	config    *rest.Config
	client    *kubernetes.Clientset
	namespace string
}

func install(t *testing.T, dir string) *gated {
	t.Helper()
	restConfig := kube.Start(t)
	namespace := kube.Namespace(t, restConfig)
	kube.Apply(t, restConfig, moved(t, dir, namespace))
	return &gated{t, restConfig, kubernetes.NewForConfigOrDie(restConfig), namespace}
}

// pods are n that do not end and were not evicted, as soon as there are so many.
func (g *gated) pods(n int) (pods []corev1.Pod) {
	g.Helper()
	kube.Eventually(g, fmt.Sprintf("%d pods", n), func(ctx context.Context) error {
		list, err := g.client.CoreV1().Pods(g.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=gate"})
		if err != nil {
			return err
		}
		pods = nil
		for _, pod := range list.Items {
			if pod.DeletionTimestamp == nil {
				pods = append(pods, pod)
			}
		}
		if len(pods) != n {
			return fmt.Errorf("there are %d", len(pods))
		}
		return nil
	})
	return pods
}

// probed says what a kubelet does of a pod, and waits until the budget has seen it.
func (g *gated) probed(pod corev1.Pod, ready corev1.ConditionStatus, healthy int32) {
	g.Helper()
	if pod.Spec.NodeName == "" { // as a scheduler does; a pod on no node goes without being asked
		bind := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: g.namespace}}
		if err := g.client.CoreV1().Pods(g.namespace).Bind(g.Context(), bind, metav1.CreateOptions{}); err != nil && !apierrors.IsConflict(err) {
			g.Fatal(err)
		}
	}
	status := fmt.Sprintf(`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":%q}]}}`, ready)
	if _, err := g.client.CoreV1().Pods(g.namespace).Patch(g.Context(), pod.Name, types.StrategicMergePatchType, []byte(status), metav1.PatchOptions{}, "status"); err != nil {
		g.Fatal(err)
	}
	g.budget(healthy)
}

func (g *gated) budget(healthy int32) {
	g.Helper()
	kube.Eventually(g, fmt.Sprintf("%d healthy pods in the budget", healthy), func(ctx context.Context) error {
		b, err := g.client.PolicyV1().PodDisruptionBudgets(g.namespace).Get(ctx, "gate", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if b.Status.ObservedGeneration != b.Generation || b.Status.ExpectedPods == 0 || b.Status.CurrentHealthy != healthy {
			return fmt.Errorf("it says %+v", b.Status)
		}
		return nil
	})
}

// evicted asks as kubectl drain does: false where it is told to come again.
func (g *gated) evicted(pod corev1.Pod) bool {
	g.Helper()
	now := int64(0) // there is no kubelet that would end it
	err := g.client.CoreV1().Pods(g.namespace).EvictV1(g.Context(), &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, DeleteOptions: &metav1.DeleteOptions{GracePeriodSeconds: &now},
	})
	if err == nil {
		return true
	}
	if status, ok := errors.AsType[*apierrors.StatusError](err); !ok || !apierrors.IsTooManyRequests(err) ||
		!apierrors.HasStatusCause(status, policyv1.DisruptionBudgetCause) {
		g.Fatalf("evict: %v", err)
	}
	return false
}

// A drain of the gate's node waits while the gate is not ready, and passes when it is: maxUnavailable 1 of one pod, with the
// default unhealthyPodEvictionPolicy, and pods in priority class and Pod Security as they are shipped.
func TestEvictionWaitsForTheGate(t *testing.T) {
	g := install(t, "gate")
	pod := g.pods(1)[0]
	if *pod.Spec.Priority != 2_000_000_000 {
		t.Errorf("priority %d", *pod.Spec.Priority)
	}
	g.probed(pod, corev1.ConditionFalse, 0)
	if g.evicted(pod) {
		t.Fatal("it is evicted before it was ready")
	}
	g.probed(pod, corev1.ConditionTrue, 1)
	g.probed(pod, corev1.ConditionFalse, 0)
	if g.evicted(pod) {
		t.Fatal("it is evicted while an alert fires")
	}
	g.probed(pod, corev1.ConditionTrue, 1)
	if !g.evicted(pod) {
		t.Fatal("it is not evicted though it is ready")
	}
	next := g.pods(1)[0]
	g.probed(next, corev1.ConditionFalse, 0)
	if next.Name == pod.Name || g.evicted(next) {
		t.Errorf("%s, which follows %s and is not ready yet, is evicted", next.Name, pod.Name)
	}
}

// kubectl drain itself: it waits, tries again, and goes on once the gate is ready.
func TestKubectlDrainWaitsForTheGate(t *testing.T) {
	g := install(t, "gate")
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: g.namespace}}
	if _, err := g.client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.client.CoreV1().Nodes().Delete(context.Background(), node.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	file := kubeconfig(t, g.config, g.namespace)
	drain := func(timeout string) (string, error) {
		cmd := exec.Command(kubectl(t), "drain", node.Name, "--timeout="+timeout, "--grace-period=0") // there is no kubelet that would end it
		cmd.Env = append(os.Environ(), "KUBECONFIG="+file)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	pod := g.pods(1)[0]
	g.probed(pod, corev1.ConditionFalse, 0)
	if out, err := drain("7s"); err == nil || strings.Count(out, "Cannot evict pod as it would violate the pod's disruption budget") < 2 {
		t.Fatalf("it does not wait, or does not try again: %v: %s", err, out)
	}
	if now := g.pods(1)[0]; now.Name != pod.Name {
		t.Fatalf("%s has made place for %s", pod.Name, now.Name)
	}
	g.probed(pod, corev1.ConditionTrue, 1)
	if out, err := drain("1m"); err != nil || !strings.Contains(out, "pod/"+pod.Name+" evicted") {
		t.Errorf("it does not go on: %v: %s", err, out)
	}
}

// With a policy that many set, it would hold up nothing.
func TestEvictionDoesNotWaitWithAlwaysAllow(t *testing.T) {
	g := install(t, "gate")
	always := []byte(`{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}`)
	if _, err := g.client.PolicyV1().PodDisruptionBudgets(g.namespace).Patch(t.Context(), "gate", types.MergePatchType, always, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	pod := g.pods(1)[0]
	g.probed(pod, corev1.ConditionFalse, 0)
	if !g.evicted(pod) {
		t.Error("it waits: the comment in disruption-budget.yaml is wrong")
	}
}

// With a gate on each node of a pool, whichever node is drained waits while alerts fire; without, the second node waits until
// the first has a gate again that is ready.
func TestEvictionWaitsOnEachNodeOfAPool(t *testing.T) {
	g := install(t, "samples/gate-pool")
	pods := g.pods(3)
	for _, pod := range pods {
		g.probed(pod, corev1.ConditionFalse, 0)
	}
	for _, pod := range pods {
		if g.evicted(pod) {
			t.Fatalf("%s is evicted while an alert fires", pod.Name)
		}
	}
	for i, pod := range pods {
		g.probed(pod, corev1.ConditionTrue, int32(i+1))
	}
	if !g.evicted(pods[0]) {
		t.Fatal("the first is not evicted though all are ready")
	}
	g.budget(2)
	if g.evicted(pods[1]) {
		t.Fatal("the second is evicted while the first has no successor")
	}
	for _, pod := range g.pods(3) {
		if pod.Name != pods[1].Name && pod.Name != pods[2].Name {
			g.probed(pod, corev1.ConditionFalse, 2)
			if g.evicted(pods[1]) {
				t.Fatal("the second is evicted while the first one's successor is not ready")
			}
			g.probed(pod, corev1.ConditionTrue, 3)
		}
	}
	if !g.evicted(pods[1]) {
		t.Fatal("the second is not evicted though all are ready again")
	}
}
