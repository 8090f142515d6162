package imagepatcher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/target"
	"github.com/quench-dev/quench/tests/kube"
	distribution "github.com/quench-dev/quench/tests/registry"
)

var lastGood = imagepatcher.Setting{}

func TestLastGoodImageIsSetOnceAndNothingElse(t *testing.T) {
	w := newWorld(t)
	w.have(t, "shop/api:1.0.0", "shop/api:1.1.0", "shop/api:2.0.0") // newer ones are of no interest
	pod := w.broken(t, "shop", w.image("shop/api:1.0.0"), w.image("shop/api:1.0.1"))
	w.broken(t, "shop-api", w.image("shop/api:1.1.0"), w.image("shop/api:1.0.1")) // its name begins so, its image is the same
	f := w.patcher(t, lastGood)
	e := w.alert(t, pod)

	o := deliver(t, f, e)
	o.Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	w.wantImage(t, "shop", w.image("shop/api:1.0.0"))
	w.wantImage(t, "shop-api", w.image("shop/api:1.0.1"))
	if want := "apps/v1/deployments/" + w.Namespace + "/shop"; o.Target != want || !slices.Equal(o.Actions[0].Objects, []string{want}) {
		t.Errorf("target is %s, objects are %v", o.Target, o.Actions[0].Objects)
	}
	diff := "spec.template.spec.containers[app].image\n- " + w.image("shop/api:1.0.1") + "\n+ " + w.image("shop/api:1.0.0") + "\n"
	if c := o.Actions[0].Changes; len(c) != 1 || c[0].Op != "patch" || c[0].Diff != diff {
		t.Errorf("changes are %+v", c)
	}
	patched := w.deployment(t, "shop")
	for key, want := range map[string]string{
		function.AnnotationEventID: o.EventID, function.AnnotationFunction: "image-patcher", function.AnnotationAlertname: "KubeImagePull",
	} {
		if got := patched.Annotations[key]; got != want {
			t.Errorf("annotation %s is %q, want %q", key, got, want)
		}
	}
	if again := deliver(t, f, e); again.ID != o.ID || string(again.Raw) != string(o.Raw) {
		t.Errorf("a second delivery is told as %s", again.Raw)
	}
	w.Clock.Advance(10 * time.Minute)
	deliver(t, f, w.alert(t, pod)).Want(t, function.Succeeded, imagepatcher.ReasonPatched) // a repeat
	if now := w.deployment(t, "shop"); now.Generation != patched.Generation {
		t.Errorf("patched again: generation %d, was %d", now.Generation, patched.Generation)
	}
}

func TestWhatServesNowComesBeforeWhatIsNewer(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1", "api:2")
	w.runs(t, w.deploy(t, "api", w.image("api:1")))
	w.set(t, "api", w.image("api:2")) // never gets ready
	pod := w.set(t, "api", w.image("api:3"))
	w.waits(t, pod, "app", "ErrImagePull")
	deliver(t, w.patcher(t, lastGood), w.alert(t, pod)).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	w.wantImage(t, "api", w.image("api:1"))
}

// rollback says on a revision that it left it, in its own words: the revision's uid first.
func TestWhatWasRolledBackIsLeftOut(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1", "api:2")
	w.deploy(t, "api", w.image("api:1"))
	w.set(t, "api", w.image("api:2"))
	pod := w.set(t, "api", w.image("api:3"))
	w.waits(t, pod, "app", "ImagePullBackOff")
	sets, err := w.kube.AppsV1().ReplicaSets(w.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=api"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		uid := string(set.UID)
		if set.Spec.Template.Spec.Containers[1].Image == w.image("api:1") {
			uid = "another" // copied from elsewhere: it is not about this one
		}
		patch := fmt.Sprintf(`{"metadata":{"annotations":{"quench.dev/rolled-back":"%s 2026-11-20T22:00:00Z"}}}`, uid)
		if _, err := w.kube.AppsV1().ReplicaSets(w.Namespace).Patch(t.Context(), set.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	deliver(t, w.patcher(t, lastGood), w.alert(t, pod)).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	w.wantImage(t, "api", w.image("api:1"))
}

func TestEarlierImagesThatAreGoneAreLeftOut(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1")
	w.registry.Push(t, "api:3", distribution.Image{Platforms: []string{"linux/arm64"}}) // no node can run it
	w.deploy(t, "api", w.image("api:1"))
	w.set(t, "api", w.image("api:2")) // is not there either
	w.set(t, "api", w.image("api:3"))
	pod := w.set(t, "api", w.image("api:4"))
	w.waits(t, pod, "app", "ImagePullBackOff")
	deliver(t, w.patcher(t, lastGood), w.alert(t, pod)).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	w.wantImage(t, "api", w.image("api:1"))
}

func TestInitContainer(t *testing.T) {
	w := newWorld(t)
	w.have(t, "tool:1", "api:1")
	initial := func(d *appsv1.Deployment) { d.Spec.Template.Spec.InitContainers[0].Image = w.image("tool:1") }
	w.deploy(t, "api", w.image("api:1"), initial)
	d := w.deployment(t, "api")
	d.ResourceVersion = "" // whatever its controller writes meanwhile
	d.Spec.Template.Spec.InitContainers[0].Image = w.image("tool:2")
	d.Spec.Template.Spec.Containers[1].Image = w.image("api:2") // to know the new pod by; its turn has not come
	if _, err := w.kube.AppsV1().Deployments(w.Namespace).Update(t.Context(), d, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	pod := w.pod(t, "api", w.image("api:2"))
	w.waits(t, pod, "app-init", "ImagePullBackOff")
	deliver(t, w.patcher(t, lastGood), w.alert(t, pod, "container", "app-init")).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	spec := w.deployment(t, "api").Spec.Template.Spec
	if got := spec.InitContainers[0].Image; got != w.image("tool:1") || len(spec.InitContainers) != 1 {
		t.Errorf("init containers are %+v", spec.InitContainers)
	}
	if got := spec.Containers[1].Image; got != w.image("api:2") {
		t.Errorf("the other container has %s", got)
	}
}

func TestStatefulSet(t *testing.T) {
	w := newWorld(t)
	w.have(t, "db:1", "db:2")
	sets := w.kube.AppsV1().StatefulSets(w.Namespace)
	set, err := sets.Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: appsv1.StatefulSetSpec{
			Selector: selector("db"), Template: template("db", w.image("db:1")),
			UpdateStrategy: appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.runs(t, w.pod(t, "db", w.image("db:1")))
	set.Spec.Template.Spec.Containers[1].Image, set.ResourceVersion = w.image("db:3"), ""
	if _, err := sets.Update(t.Context(), set, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	var pod *corev1.Pod
	kube.Eventually(t, "a pod of the new revision", func(ctx context.Context) error {
		p, err := w.kube.CoreV1().Pods(w.Namespace).Get(ctx, "db-0", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if pod = p; p.Spec.Containers[1].Image == w.image("db:3") && p.DeletionTimestamp == nil {
			return nil
		}
		if p.Status.Phase == corev1.PodPending { // the controller may make one more of the revision that it knew
			w.runs(t, p)
		}
		return errors.New("it has " + p.Spec.Containers[1].Image)
	})
	w.waits(t, pod, "app", "ImagePullBackOff")
	o := deliver(t, w.patcher(t, lastGood), w.alert(t, pod))
	o.Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	if set, err = sets.Get(t.Context(), "db", metav1.GetOptions{}); err != nil || set.Spec.Template.Spec.Containers[1].Image != w.image("db:1") {
		t.Errorf("got %+v, %v", set.Spec.Template.Spec.Containers, err)
	}
	if o.Target != "apps/v1/statefulsets/"+w.Namespace+"/db" {
		t.Errorf("target is %s", o.Target)
	}
}

func TestDaemonSet(t *testing.T) {
	w := newWorld(t)
	w.have(t, "agent:1")
	sets := w.kube.AppsV1().DaemonSets(w.Namespace)
	node, err := w.kube.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: w.Namespace, Labels: map[string]string{"only": w.Namespace},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.kube.CoreV1().Nodes().Delete(context.Background(), node.Name, metav1.DeleteOptions{}) })
	pods := template("agent", w.image("agent:1"))
	pods.Spec.NodeSelector = node.Labels
	pods.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} // no kubelet says that the node is ready
	set, err := sets.Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent"}, Spec: appsv1.DaemonSetSpec{Selector: selector("agent"), Template: pods},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.runs(t, w.pod(t, "agent", w.image("agent:1")))
	set.Spec.Template.Spec.Containers[1].Image, set.ResourceVersion = w.image("agent:2"), ""
	if _, err := sets.Update(t.Context(), set, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	pod := w.pod(t, "agent", w.image("agent:2"))
	w.waits(t, pod, "app", "ErrImagePull")
	deliver(t, w.patcher(t, lastGood), w.alert(t, pod)).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
	if set, err = sets.Get(t.Context(), "agent", metav1.GetOptions{}); err != nil || set.Spec.Template.Spec.Containers[1].Image != w.image("agent:1") {
		t.Errorf("got %+v, %v", set.Spec.Template.Spec.Containers, err)
	}
}

// What an image is called stays as it is written: digests, ports, nested repositories.
func TestNames(t *testing.T) {
	w := newWorld(t)
	digest := w.registry.Push(t, "a/b/c:1", distribution.Image{})
	w.have(t, "a/b/c:2")
	const none = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for title, test := range map[string]struct{ had, has string }{
		"digest":         {"a/b/c@" + digest, "a/b/c" + none},
		"tag and digest": {"a/b/c:1@" + digest, "a/b/c:1" + none},
		"tag":            {"a/b/c:2", "a/b/c:3"},
		"no name":        {"a/b/c:1", "a/b/C:1"}, // InvalidImageName
	} {
		t.Run(title, func(t *testing.T) {
			name := strings.ReplaceAll(title, " ", "-")
			w.deploy(t, name, w.image(test.had))
			pod := w.set(t, name, w.image(test.has))
			w.waits(t, pod, "app", map[bool]string{true: "InvalidImageName", false: "ImagePullBackOff"}[title == "no name"])
			deliver(t, w.patcher(t, lastGood), w.alert(t, pod)).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
			w.wantImage(t, name, w.image(test.had))
		})
	}
	t.Run("no tag", func(t *testing.T) {
		w.deploy(t, "none", w.image("a/b/c:2"))
		pod := w.set(t, "none", w.image("a/b/c"))
		w.waits(t, pod, "app", "ImagePullBackOff")
		deliver(t, w.patcher(t, imagepatcher.Setting{Policy: "semver", Constraint: "1"}), w.alert(t, pod)).Want(t, function.Succeeded, imagepatcher.ReasonPatched)
		w.wantImage(t, "none", w.image("a/b/c:1"))
	})
}

func TestSkipsAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1", "api:2")
	good, bad := w.image("api:1"), w.image("api:bad")
	pod := w.broken(t, "api", good, bad)
	first := w.pod(t, "api", good) // the controller keeps it or not; it is never ready
	w.deploy(t, "whole", w.image("api:2"))
	whole := w.pod(t, "whole", w.image("api:2"))
	w.waits(t, whole, "app", "ImagePullBackOff")
	running := w.broken(t, "running", good, bad)
	w.runs(t, running)
	never := w.broken(t, "never", good, bad)
	w.waits(t, never, "app", "ErrImageNeverPull")
	alone := w.deploy(t, "alone", bad)
	w.waits(t, alone, "app", "ImagePullBackOff")
	before := map[string]int64{}
	for _, name := range []string{"api", "whole", "running", "never", "alone"} {
		before[name] = w.deployment(t, name).Generation
	}
	f := w.patcher(t, lastGood)
	for title, test := range map[string]struct {
		pod    *corev1.Pod
		labels []string
		reason string
		says   string
	}{
		"no container":         {pod, []string{"container", ""}, imagepatcher.ReasonNoContainer, "no label container"},
		"another container":    {pod, []string{"container", "ap"}, imagepatcher.ReasonNoContainer, `has no container "ap"`},
		"no pod":               {pod, []string{"pod", ""}, target.ReasonNoTarget, "pod"},
		"part of a pod's name": {pod, []string{"pod", "api"}, target.ReasonTargetNotFound, "api"},
		"no namespace":         {pod, []string{"namespace", "", "pod", "nothing-like-it"}, target.ReasonTargetNotFound, "no label namespace"},
		"another namespace":    {pod, []string{"namespace", "default"}, target.ReasonTargetNotFound, "default"},
		"a pod of before":      {first, nil, imagepatcher.ReasonAlreadyChanged, bad},
		"runs":                 {running, nil, imagepatcher.ReasonNotFailing, "waits for: nothing"},
		"never pulls":          {never, nil, imagepatcher.ReasonNotFailing, "ErrImageNeverPull"},
		"other container":      {pod, []string{"container", "app-sidecar"}, imagepatcher.ReasonNotFailing, "app-sidecar"},
		"image is there":       {whole, nil, imagepatcher.ReasonImageExists, w.image("api:2") + " is in its registry for linux/amd64"},
		"has had no other":     {alone, nil, imagepatcher.ReasonNoCandidate, "no earlier revision had another image"},
	} {
		t.Run(title, func(t *testing.T) {
			o := deliver(t, f, w.alert(t, test.pod, append(test.labels, "case", title)...))
			o.Want(t, function.Skipped, test.reason)
			if !strings.Contains(o.Message, test.says) {
				t.Errorf("it does not say %q: %s", test.says, o.Message)
			}
		})
	}
	for name, generation := range before {
		if now := w.deployment(t, name); now.Generation != generation || now.Annotations[function.AnnotationEventID] != "" {
			t.Errorf("%s was changed: generation %d, was %d", name, now.Generation, generation)
		}
	}
}

func TestPodThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1")
	pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"))
	old := w.alert(t, pod)
	gone := metav1.DeleteOptions{GracePeriodSeconds: new(int64)}
	if err := w.kube.CoreV1().Pods(w.Namespace).Delete(t.Context(), pod.Name, gone); err != nil {
		t.Fatal(err)
	}
	deliver(t, w.patcher(t, lastGood), old).Want(t, function.Succeeded, imagepatcher.ReasonPatched) // its ReplicaSet has that image still
	w.wantImage(t, "api", w.image("api:1"))
	deliver(t, w.patcher(t, lastGood), w.alert(t, pod, "again", "yes")).Want(t, function.Skipped, imagepatcher.ReasonAlreadyChanged)
}

func TestResolvedAlertChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1")
	pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"))
	f := w.patcher(t, lastGood)
	a := functiontest.Alert(map[string]string{"alertname": "KubeImagePull", "namespace": w.Namespace, "pod": pod.Name, "container": "app"})
	fired := w.Clock.Now()
	deliver(t, f, functiontest.Event(t, functiontest.Resolved(a), fired.Add(time.Minute))).Want(t, function.Skipped, function.ReasonResolved)
	deliver(t, f, functiontest.Event(t, a, fired)).Want(t, function.Skipped, function.ReasonAlertResolved) // delivered late
	w.wantImage(t, "api", w.image("api:2"))
}

func TestDryRunSaysWhatItWouldDo(t *testing.T) {
	w := newWorld(t)
	w.have(t, "api:1")
	pod := w.broken(t, "api", w.image("api:1"), w.image("api:2"))
	f := w.patcherOn(t, w.Client, lastGood, func(o *function.Options) { o.DryRun = true })
	o := deliver(t, f, w.alert(t, pod))
	o.Want(t, function.Planned, function.ReasonDryRun)
	if c := o.Actions[0].Changes; len(c) != 1 || !strings.Contains(c[0].Diff, "+ "+w.image("api:1")) {
		t.Errorf("changes are %+v", c)
	}
	w.wantImage(t, "api", w.image("api:2"))
}
