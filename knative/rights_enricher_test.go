package knative_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/mask"
	"github.com/quench-dev/quench/tests/kube"
)

const enrichedWorkloads = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: app, namespace: NS }
spec: { selector: { matchLabels: { app: app } }, template: { metadata: { labels: { app: app } }, spec: { containers: [{ name: c, image: i }] } } }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db, namespace: NS }
spec: { selector: { matchLabels: { app: db } }, template: { metadata: { labels: { app: db } }, spec: { containers: [{ name: c, image: i }] } } }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: agent, namespace: NS }
spec: { selector: { matchLabels: { app: agent } }, template: { metadata: { labels: { app: agent } }, spec: { containers: [{ name: c, image: i }] } } }
---
apiVersion: batch/v1
kind: Job
metadata: { name: once, namespace: NS }
spec: { template: { metadata: { labels: { app: once } }, spec: { restartPolicy: Never, containers: [{ name: c, image: i }] } } }
`

// enricher, as its ServiceAccount and bound as the sample has it, reads all that it tells, and could read nothing else. Of
// nodes it tells without the ClusterRoleBinding that it may not read them, and the rest all the same.
func TestEnricherHasTheRightsThatItUses(t *testing.T) {
	w := functiontest.New(t)
	admin := kubernetes.NewForConfigOrDie(w.Config)
	granted := grant(t, w, enricher.Name, append(build(t, "overlays/standard"), read(t, "samples/site/enrich-in-shop.yaml")...))
	kube.Apply(t, w.Config, []byte(strings.ReplaceAll(enrichedWorkloads, "NS", w.Namespace)))
	node, err := admin.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: "node-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.CoreV1().Nodes().Delete(context.Background(), node.Name, metav1.DeleteOptions{}) })
	var pod string
	kube.Eventually(t, "a pod", func(ctx context.Context) error {
		list, err := admin.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=app"})
		if err == nil && len(list.Items) == 0 {
			err = errors.New("none yet")
		}
		if err == nil {
			pod = list.Items[0].Name
		}
		return err
	})
	err = admin.CoreV1().Pods(w.Namespace).Bind(t.Context(), &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod}, Target: corev1.ObjectReference{Kind: "Node", Name: node.Name},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kube.Eventually(t, "the pod's container to run", func(ctx context.Context) error { // as a kubelet would say
		p, err := admin.CoreV1().Pods(w.Namespace).Get(ctx, pod, metav1.GetOptions{})
		if err != nil {
			return err
		}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
		_, err = admin.CoreV1().Pods(w.Namespace).UpdateStatus(ctx, p, metav1.UpdateOptions{})
		return err
	})

	used := &usage{}
	f := function.Listening(enricher.New(used.client(w, enricher.Name, nil), enricher.Options{Masker: &mask.Masker{}, Part: time.Minute, Now: time.Now}), function.Options{})
	for label, name := range map[string]string{"pod": pod, "deployment": "app", "statefulset": "db", "daemonset": "agent", "job_name": "once"} {
		a := functiontest.Alert(map[string]string{"alertname": "A", "namespace": w.Namespace, label: name})
		reply, err := f.Handle(t.Context(), functiontest.Event(t, a, time.Now()))
		if err != nil || reply == nil {
			t.Fatalf("%s: %v, %v", label, reply, err)
		}
		got, err := enriched.Decode(*reply)
		if err != nil || got.Owner == nil || got.Owner.Name == "" {
			t.Errorf("%s: %v: %s", label, err, reply.Data())
			continue
		}
		for _, m := range got.Missing {
			switch {
			case m.Part == "node" && strings.Contains(m.Why, "is forbidden: User"): // nothing binds quench-enricher-nodes here
			case m.Part == "logs" && !strings.Contains(m.Why, "forbidden"): // there is no kubelet
			case m.Part == "pod" && strings.Contains(m.Why, "has no pods"):
			default:
				t.Errorf("%s: missing %v", label, m)
			}
		}
	}
	granted = append(granted, "get nodes") // by the ClusterRoleBinding
	slices.Sort(granted)
	if got := used.sorted(); !slices.Equal(got, granted) {
		t.Errorf("it uses  %v\nit may do %v", got, granted)
	}
}
