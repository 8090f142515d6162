package imagepatcher_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/imagepatcher"
	"github.com/quench-dev/quench/function/imagepatcher/registry"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/kube"
	distribution "github.com/quench-dev/quench/tests/registry"
)

func TestMain(m *testing.M) { kube.Main(m) }

// world is image-patcher on a real API server, with a real registry. There is no kubelet: tests say in pods' status
// what one would.
type world struct {
	*functiontest.World
	kube     *kubernetes.Clientset
	registry *distribution.Registry
}

func newWorld(t *testing.T) *world {
	return worldWith(functiontest.New(t), distribution.Start(t))
}

func worldWith(w *functiontest.World, at *distribution.Registry) *world {
	return &world{w, kubernetes.NewForConfigOrDie(w.Config), at}
}

// image is a name in the world's registry.
func (w *world) image(name string) string { return w.registry.Addr + "/" + name }

// have pushes images.
func (w *world) have(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		w.registry.Push(t, name, distribution.Image{})
	}
}

// patcher is image-patcher with this policy, as a process of its own would be.
func (w *world) patcher(t *testing.T, rule imagepatcher.Setting) *function.Function {
	t.Helper()
	return w.patcherOn(t, w.Client, rule)
}

func (w *world) patcherOn(t *testing.T, client *cluster.Client, setting imagepatcher.Setting, changes ...func(*function.Options)) *function.Function {
	t.Helper()
	o := function.Options{
		Locks:        &lease.Locker{Client: client, Function: imagepatcher.Name, Duration: 30 * time.Second, Now: w.Clock.Now},
		Records:      &record.Remediations{Client: client},
		MaxEventAge:  time.Hour,
		ApplyTimeout: 20 * time.Second,
		Now:          w.Clock.Now,
	}
	for _, change := range changes {
		change(&o)
	}
	f, err := function.New(action(t, client, setting), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// action is image-patcher for nodes of one platform.
func action(t *testing.T, client *cluster.Client, setting imagepatcher.Setting) *imagepatcher.Patcher {
	t.Helper()
	rule, err := setting.Rule(func(field string) string { return field })
	if err != nil {
		t.Fatal(err)
	}
	return imagepatcher.New(imagepatcher.Options{
		Default: rule, Platforms: []v1.Platform{{OS: "linux", Architecture: "amd64"}}, Timeout: 15 * time.Second,
		Registry: registry.Options{Request: 5 * time.Second, Clouds: []registry.Cloud{registry.ECR{}, registry.Google{}}},
	}, client)
}

// template is a pod with two containers and one to initialise it; the image is
// the container app's.
func template(app, image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "app-init", Image: "busybox:1.37"}},
			Containers: []corev1.Container{
				{Name: "app-sidecar", Image: "envoy:1", Env: []corev1.EnvVar{{Name: "KEPT", Value: "yes"}}},
				{Name: "app", Image: image, Args: []string{"serve"}},
			},
		},
	}
}

func selector(app string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
}

// deploy makes a Deployment, and gives its pod.
func (w *world) deploy(t *testing.T, name, image string, changes ...func(*appsv1.Deployment)) *corev1.Pod {
	t.Helper()
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{Selector: selector(name), Template: template(name, image)},
	}
	for _, change := range changes {
		change(d)
	}
	if _, err := w.kube.AppsV1().Deployments(w.Namespace).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return w.pod(t, name, image)
}

// set changes the image of a Deployment's container app, as a user does, and
// gives the new pod.
func (w *world) set(t *testing.T, name, image string) *corev1.Pod {
	t.Helper()
	kube.Eventually(t, "set the image", func(ctx context.Context) error {
		d, err := w.kube.AppsV1().Deployments(w.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		d.Spec.Template.Spec.Containers[1].Image = image
		_, err = w.kube.AppsV1().Deployments(w.Namespace).Update(ctx, d, metav1.UpdateOptions{})
		return err
	})
	return w.pod(t, name, image)
}

// pod waits for a pod with this image of its container app.
func (w *world) pod(t *testing.T, app, image string) *corev1.Pod {
	t.Helper()
	var found *corev1.Pod
	kube.Eventually(t, "a pod of "+app+" with "+image, func(ctx context.Context) error {
		pods, err := w.kube.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return err
		}
		for i := range pods.Items {
			if p := &pods.Items[i]; p.Spec.Containers[1].Image == image && p.DeletionTimestamp == nil {
				found = p
				return nil
			}
		}
		var there []string
		for i := range pods.Items {
			p := &pods.Items[i]
			there = append(there, fmt.Sprintf("%s with %s, %s, deleted %v", p.Name, p.Spec.Containers[1].Image, p.Status.Phase, p.DeletionTimestamp))
		}
		return fmt.Errorf("there are %q", there)
	})
	return found
}

// waits says in a pod's status what a kubelet would of a container that waits.
func (w *world) waits(t *testing.T, pod *corev1.Pod, container, reason string) {
	t.Helper()
	state := corev1.ContainerStatus{Name: container, Image: "i", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}
	w.status(t, pod, func(s *corev1.PodStatus) {
		s.Phase = corev1.PodPending
		if strings.HasSuffix(container, "-init") {
			s.InitContainerStatuses = []corev1.ContainerStatus{state}
		} else {
			s.ContainerStatuses = []corev1.ContainerStatus{state}
		}
	})
}

// runs says that a pod is ready.
func (w *world) runs(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	long := metav1.NewTime(time.Now().Add(-time.Hour))
	w.status(t, pod, func(s *corev1.PodStatus) {
		s.Phase = corev1.PodRunning
		s.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: long}}
		s.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", Image: "i", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: long}}}}
	})
}

func (w *world) status(t *testing.T, pod *corev1.Pod, change func(*corev1.PodStatus)) {
	t.Helper()
	kube.Eventually(t, "say the status of "+pod.Name, func(ctx context.Context) error {
		p, err := w.kube.CoreV1().Pods(w.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(&p.Status)
		_, err = w.kube.CoreV1().Pods(w.Namespace).UpdateStatus(ctx, p, metav1.UpdateOptions{})
		return err
	})
}

// broken is a Deployment that has had the first image, and cannot pull the second.
func (w *world) broken(t *testing.T, name, had, has string, changes ...func(*appsv1.Deployment)) *corev1.Pod {
	t.Helper()
	w.deploy(t, name, had, changes...)
	pod := w.set(t, name, has)
	w.waits(t, pod, "app", "ImagePullBackOff")
	return pod
}

// seen waits until the Deployment's controller has said all that it has to say of a second revision, whose pod no more
// runs than the first one's, which stays beside it.
func (w *world) seen(t *testing.T, name string) {
	t.Helper()
	kube.Eventually(t, "the controller to have seen "+name, func(ctx context.Context) error {
		d, err := w.kube.AppsV1().Deployments(w.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err == nil && (d.Status.ObservedGeneration != d.Generation || d.Status.UpdatedReplicas != 1 || d.Status.UnavailableReplicas != 2) {
			err = fmt.Errorf("its status is %+v", d.Status)
		}
		return err
	})
}

// deliver hands an event over as a broker does: again, while it is answered with 503. The Deployment's controller may
// write its status between image-patcher's reading and its patch, and that is a conflict.
func deliver(t *testing.T, f *function.Function, e event.Event) functiontest.Outcome {
	t.Helper()
	var reply *event.Event
	kube.Eventually(t, "an answer", func(ctx context.Context) (err error) {
		reply, err = f.Handle(ctx, e)
		return err
	})
	return functiontest.Read(t, reply)
}

// alert is the one about a pod that cannot pull the image of its container app.
func (w *world) alert(t *testing.T, pod *corev1.Pod, labels ...string) event.Event {
	t.Helper()
	all := map[string]string{"alertname": "KubeImagePull", "namespace": w.Namespace, "pod": pod.Name, "container": "app"}
	for i := 0; i < len(labels); i += 2 {
		if all[labels[i]] = labels[i+1]; labels[i+1] == "" {
			delete(all, labels[i])
		}
	}
	return functiontest.Event(t, functiontest.Alert(all), w.Clock.Now())
}

func (w *world) deployment(t *testing.T, name string) *appsv1.Deployment {
	t.Helper()
	d, err := w.kube.AppsV1().Deployments(w.Namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wantImage wants the template's container app to have an image, and nothing else to be changed.
func (w *world) wantImage(t *testing.T, name, image string) {
	t.Helper()
	want := template(name, image).Spec
	got := w.deployment(t, name).Spec.Template.Spec
	for i, c := range append(want.Containers, want.InitContainers...) {
		if has := append(got.Containers, got.InitContainers...)[i]; has.Name != c.Name || has.Image != c.Image || len(has.Args) != len(c.Args) || len(has.Env) != len(c.Env) {
			t.Errorf("%s: container is %+v, want %+v", name, has, c)
		}
	}
}
