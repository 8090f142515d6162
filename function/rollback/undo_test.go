package rollback_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/rollback"
	"github.com/quench-dev/quench/tests/kube"
)

// remove deletes a pod at once and waits until it is gone, though another may have its name by then.
func (w *world) remove(t *testing.T, name string) {
	t.Helper()
	pods := w.kube.CoreV1().Pods(w.Namespace)
	pod, err := pods.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	now := int64(0)
	if err := pods.Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
	kube.Eventually(t, name+" to be gone", func(ctx context.Context) error {
		there, err := pods.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && there.UID != pod.UID {
			return nil
		}
		return fmt.Errorf("still there (%w)", err)
	})
}

func TestOutcomeSaysWhatWasDone(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop-front-end", "app:1", "app:2")
	o := w.handle(t, w.alert("pod", w.pod(t, "shop-front-end", "app:2"), "container", "app"))
	o.Want(t, function.Succeeded, rollback.ReasonRolledBack)
	s := w.wantImage(t, "Deployment", "shop-front-end", "app:1")
	path := "apps/v1/deployments/" + w.Namespace + "/shop-front-end"
	left := s.of(t, "app:2")
	if o.Target != path || o.Subject != path || !slices.Equal(o.Actions[0].Objects, []string{path, "apps/v1/replicasets/" + w.Namespace + "/" + left.name}) {
		t.Errorf("target %s, subject %s, objects %v", o.Target, o.Subject, o.Actions[0].Objects)
	}
	text := o.Actions[0].Changes[0].Diff
	for _, line := range []string{"-    image: app:2\n", "+    image: app:1\n", "-      value: app:2\n", "+      value: (left out, another value)\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("diff is without %q:\n%s", line, text)
		}
	}
	if strings.Contains(string(o.Raw), "secret-app") {
		t.Errorf("a secret is told: %s", o.Raw)
	}
	for name, want := range map[string]string{
		function.AnnotationEventID: o.EventID, function.AnnotationFunction: "rollback", function.AnnotationAlertname: "PodPending",
		"quench.dev/rolled-back-from": left.uid + " " + left.name + " " + o.EventID, "kubernetes.io/change-cause": "release app:1",
	} {
		if got := s.annotations[name]; got != want {
			t.Errorf("annotation %s is %q, want %q", name, got, want)
		}
	}
	if got := left.annotations["quench.dev/rolled-back"]; !strings.HasPrefix(got, left.uid+" ") || !strings.HasSuffix(got, " "+o.EventID) {
		t.Errorf("the revision that was left says %q", got)
	}
}

// The tenth release comes after the ninth, though "9" comes after "10".
func TestTwelveRevisions(t *testing.T) {
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			for i := range 10 {
				w.release(t, kind, "shop", fmt.Sprintf("app:%d", i+1))
			}
			label := strings.ToLower(kind)
			w.handle(t, w.alert(label, "shop")).Want(t, function.Succeeded, rollback.ReasonRolledBack)
			w.settled(t, kind, "shop", "app:9") // as revision 11
			w.release(t, kind, "shop", "app:12")
			w.Clock.Advance(6 * time.Minute) // or it would be the same alert still
			w.handle(t, w.alert(label, "shop")).Want(t, function.Succeeded, rollback.ReasonRolledBack)
			w.settled(t, kind, "shop", "app:9")
			s := w.wantImage(t, kind, "shop", "app:9")
			if s.revisions[0].number != 13 {
				t.Errorf("it is revision %d, want 13", s.revisions[0].number)
			}
		})
	}
}

func TestNamesThatBeginAlike(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"shop", "shop-api", "shop-api-v2"} {
		w.releases(t, "Deployment", name, "app:1", "app:2")
	}
	w.handle(t, w.alert("pod", w.pod(t, "shop-api", "app:2"))).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.wantImage(t, "Deployment", "shop", "app:2")
	w.wantImage(t, "Deployment", "shop-api", "app:1")
	w.wantImage(t, "Deployment", "shop-api-v2", "app:2")
}

func TestPodThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2")
	pod, earlier := w.pod(t, "shop", "app:2"), w.pod(t, "shop", "app:1")
	w.remove(t, pod)
	w.remove(t, earlier)
	w.handle(t, w.alert("pod", earlier)).Want(t, function.Skipped, rollback.ReasonNotCurrent)
	w.wantImage(t, "Deployment", "shop", "app:2")
	w.handle(t, w.alert("pod", pod)).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.wantImage(t, "Deployment", "shop", "app:1")
}

// A rule that sums by pod leaves nothing else.
func TestAlertWithoutNamespace(t *testing.T) {
	w, elsewhere := newWorld(t), newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2")
	a := w.alert("pod", w.pod(t, "shop", "app:2"), "namespace", "")
	delete(a.Labels, "namespace")
	lost := functiontest.Handle(t, elsewhere.function(t), functiontest.Event(t, a, w.Clock.Now()))
	lost.Want(t, function.Skipped, "TargetNotFound")
	if !strings.Contains(lost.Message, "no label namespace") || !strings.Contains(lost.Message, "TARGET_NAMESPACE") {
		t.Errorf("message is %q", lost.Message)
	}
	f := elsewhere.functionOn(t, elsewhere.Client, rollback.Options{Namespace: w.Namespace})
	functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now())).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.wantImage(t, "Deployment", "shop", "app:1")
}

func TestStatefulSetsPod(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "StatefulSet", "db", "app:1", "app:2")
	w.remove(t, "db-0") // which was of app:1, and is made anew of app:2
	w.pod(t, "db", "app:2")
	made := w.alert("pod", "db-0")
	o := w.handle(t, made)
	o.Want(t, function.Succeeded, rollback.ReasonRolledBack)
	if !strings.Contains(o.Message, "67250") {
		t.Errorf("message says not that the pod has to be deleted: %s", o.Message)
	}
	w.settled(t, "StatefulSet", "db", "app:1")
	again := w.alert("pod", "db-0", "severity", "critical") // another alert about the same pod, which still is of app:2
	w.handle(t, again).Want(t, function.Skipped, rollback.ReasonNotCurrent)
	w.wantImage(t, "StatefulSet", "db", "app:1")
}

func TestStatefulSetsPodThatWasMadeSinceIsNotTheAlerts(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "StatefulSet", "db", "app:1", "app:2")
	w.remove(t, "db-0")
	w.pod(t, "db", "app:2")
	a := w.alert("pod", "db-0")
	a.StartsAt = a.StartsAt.Add(-time.Hour)
	w.handle(t, a).Want(t, function.Skipped, rollback.ReasonUnknownRevision)
	w.wantImage(t, "StatefulSet", "db", "app:2")
}

// node makes one, which is all that DaemonSets' controller needs to make pods.
func (w *world) node(t *testing.T) {
	t.Helper()
	node, err := w.kube.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{GenerateName: "node-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.kube.CoreV1().Nodes().Delete(context.Background(), node.Name, metav1.DeleteOptions{}) })
}

func TestDaemonSetsPod(t *testing.T) {
	w := newWorld(t)
	w.node(t)
	w.releases(t, "DaemonSet", "agent", "app:1", "app:2")
	pod := w.pod(t, "agent", "app:2")
	w.handle(t, w.alert("pod", pod)).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	w.settled(t, "DaemonSet", "agent", "app:1")
	w.handle(t, w.alert("pod", w.pod(t, "agent", "app:1"))).Want(t, function.Skipped, rollback.ReasonKnownBad)
	w.wantImage(t, "DaemonSet", "agent", "app:1")
}

func TestRevisionOfTheAnnotation(t *testing.T) {
	w := newWorld(t)
	w.releases(t, "Deployment", "shop", "app:1", "app:2", "app:3", "app:4")
	w.annotate(t, "shop", "quench.dev/rollback-to", "2")
	w.handle(t, w.alert("deployment", "shop")).Want(t, function.Succeeded, rollback.ReasonRolledBack)
	if s := w.wantImage(t, "Deployment", "shop", "app:2"); s.annotations["quench.dev/rollback-to"] != "2" {
		t.Errorf("annotations are %v", s.annotations)
	}
}
