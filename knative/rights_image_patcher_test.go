package knative_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/imagepatcher/registry"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/note"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/function/target"
	"github.com/quench-dev/quench/tests/kube"
	distribution "github.com/quench-dev/quench/tests/registry"
)

const imageWorkload = `
apiVersion: apps/v1
kind: KIND
metadata: { name: app, namespace: NAMESPACE }
spec:
  selector: { matchLabels: { app: KIND } }
  template:
    metadata: { labels: { app: KIND } }
    spec:
      imagePullSecrets: [{ name: none }]
      containers: [{ name: app, image: "IMAGE" }]
`

// image-patcher, as its ServiceAccount, does all that it can do, and nothing that it may do is left over, but of what
// every function may do with its locks and records.
func TestImagePatcherHasTheRightsThatItUses(t *testing.T) {
	w := functiontest.New(t)
	admin := kubernetes.NewForConfigOrDie(w.Config)
	granted := grant(t, w, imagepatcher.Name, append(build(t, "overlays/standard"), read(t, "samples/site/images-in-shop.yaml")...))
	emptyPolicy(t, w)
	at := distribution.Start(t)
	at.Push(t, "app:1", distribution.Image{})
	used := &usage{}
	f := patcher(t, w, used.client(w, imagepatcher.Name, nil))
	handle := func(labels map[string]string) (o functiontest.Outcome) {
		labels["alertname"], labels["namespace"], labels["container"] = "A", w.Namespace, "app"
		e := functiontest.Event(t, functiontest.Alert(labels), w.Clock.Now())
		kube.Eventually(t, "an answer", func(ctx context.Context) error { // a controller may write its status meanwhile: a conflict
			reply, err := f.Handle(ctx, e)
			if err == nil {
				o = functiontest.Read(t, reply)
			}
			return err
		})
		return o
	}
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet"} {
		for i, tag := range []string{"1", "2"} {
			kube.Apply(t, w.Config, []byte(strings.NewReplacer("KIND", kind, "NAMESPACE", w.Namespace, "IMAGE", at.Addr+"/app:"+tag).Replace(imageWorkload)))
			kube.Eventually(t, "the revision", func(ctx context.Context) error { return revised(ctx, admin, w.Namespace, kind, i+1) })
		}
		handle(map[string]string{strings.ToLower(kind): "app"}).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	}
	pods, err := admin.CoreV1().Pods(w.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=Deployment"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatal(pods, err)
	}
	for i := range pods.Items { // of the image before, or of this one, for which no kubelet says anything
		if o := handle(map[string]string{"pod": pods.Items[i].Name}); o.Outcome != function.Skipped {
			t.Errorf("got %s (%s: %s)", o.Outcome, o.Reason, o.Message)
		}
	}
	set, _, _ := strings.Cut(pods.Items[0].Name, "-")
	handle(map[string]string{"pod": set + "-gone-bcdfg"}).Want(t, function.Skipped, target.ReasonTargetNotFound)

	if err := f.Stop(t.Context()); err != nil { // once all is told
		t.Fatal(err)
	}
	own := func(all []string) []string {
		return slices.DeleteFunc(all, func(right string) bool {
			return strings.Contains(right, " leases") || strings.Contains(right, " remediations")
		})
	}
	if got, may := own(used.sorted()), slices.Compact(own(granted)); !slices.Equal(got, may) {
		t.Errorf("it uses  %v\nit may do %v", got, may)
	}
}

// revised waits until a controller has noted so many revisions.
func revised(ctx context.Context, admin *kubernetes.Clientset, namespace, kind string, want int) error {
	options := metav1.ListOptions{LabelSelector: "app=" + kind}
	var got int
	if kind == "Deployment" {
		list, err := admin.AppsV1().ReplicaSets(namespace).List(ctx, options)
		if err != nil {
			return err
		}
		got = len(list.Items)
	} else {
		list, err := admin.AppsV1().ControllerRevisions(namespace).List(ctx, options)
		if err != nil {
			return err
		}
		got = len(list.Items)
	}
	if got != want {
		return fmt.Errorf("there are %d", got)
	}
	return nil
}

func patcher(t *testing.T, w *functiontest.World, client *cluster.Client) *function.Function {
	t.Helper()
	action := imagepatcher.New(imagepatcher.Options{
		Default: imagepatcher.Rule{Policy: imagepatcher.LastGood}, Platforms: []v1.Platform{{OS: "linux", Architecture: "amd64"}}, Timeout: 15 * time.Second,
		Registry: registry.Options{Request: 5 * time.Second},
	}, client)
	f, err := function.New(action, function.Options{
		Locks:   &lease.Locker{Client: client, Function: imagepatcher.Name, Duration: 30 * time.Second, Now: w.Clock.Now},
		Records: &record.Remediations{Client: client}, MaxEventAge: time.Hour, ApplyTimeout: 20 * time.Second, Now: w.Clock.Now,
		Policy: &policy.Source{Client: client, ConfigMap: "quench-policy", Known: []string{imagepatcher.Name}}, Notes: &note.Events{Client: client},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
