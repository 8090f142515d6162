package target_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/target"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

var all = []target.Kind{
	target.Pod, target.ReplicaSet, target.Deployment, target.StatefulSet, target.DaemonSet, target.Job, target.CronJob, target.Node,
}

const objects = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: NAMESPACE
  labels: {app.kubernetes.io/instance: shop}
spec: {selector: {matchLabels: {app: shop}}, template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: c, image: "app:1"}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop-api, namespace: NAMESPACE}
spec: {selector: {matchLabels: {app: shop-api}}, template: {metadata: {labels: {app: shop-api}}, spec: {containers: [{name: c, image: "app:1"}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: NAMESPACE}
spec: {selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: "app:1"}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: NAMESPACE}
spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: "app:1"}]}}}
---
# A DaemonSet whose pods could be called as those of the StatefulSet that is beside it.
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: db, namespace: NAMESPACE}
spec: {selector: {matchLabels: {app: db-agent}}, template: {metadata: {labels: {app: db-agent}}, spec: {containers: [{name: c, image: "app:1"}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: NAMESPACE}
spec: {template: {metadata: {labels: {app: once}}, spec: {restartPolicy: Never, containers: [{name: c, image: "app:1"}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: NAMESPACE}
spec: {schedule: "0 3 * * *", suspend: true, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "app:1"}]}}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: NAMESPACE}
spec: {containers: [{name: c, image: "app:1"}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: someones
  namespace: NAMESPACE
  ownerReferences: [{apiVersion: example.com/v1, kind: Widget, name: mine, uid: "1", controller: true}]
spec: {containers: [{name: c, image: "app:1"}]}
`

// world is one namespace with one object of each kind.
type world struct {
	*functiontest.World
	kube *kubernetes.Clientset
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := functiontest.New(t)
	text := strings.ReplaceAll(objects, "NAMESPACE", w.Namespace)
	kube.Apply(t, w.Config, []byte(text))
	return &world{w, kubernetes.NewForConfigOrDie(w.Config)}
}

// pod waits for one of an app.
func (w *world) pod(t *testing.T, app string) string {
	t.Helper()
	var name string
	kube.Eventually(t, "a pod of "+app, func(ctx context.Context) error {
		pods, err := w.kube.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err == nil && len(pods.Items) == 0 {
			err = fmt.Errorf("none yet")
		}
		if err == nil {
			name = pods.Items[0].Name
		}
		return err
	})
	return name
}

func (w *world) find(t *testing.T, kinds []target.Kind, labels ...string) (*target.Found, error) {
	t.Helper()
	set := map[string]string{"alertname": "A", "namespace": w.Namespace}
	for i := 0; i < len(labels); i += 2 {
		set[labels[i]] = labels[i+1]
	}
	f := target.Finder{Client: w.Client, Kinds: kinds}
	return f.Find(t.Context(), functiontest.Alert(set))
}

func TestFind(t *testing.T) {
	w := newWorld(t)
	shop, db, once := w.pod(t, "shop"), w.pod(t, "db"), w.pod(t, "once")
	rs := shop[:strings.LastIndex(shop, "-")]
	cron := w.fromCronJob(t)
	node := w.node(t)
	for name, test := range map[string]struct {
		labels []string
		want   string // NS stands for the namespace; or the beginning of an error
	}{
		"a Deployment's pod":               {[]string{"pod", shop, "container", "c"}, "apps/v1/deployments/NS/shop"},
		"and its node":                     {[]string{"pod", shop, "node", "elsewhere", "job", "kube-state-metrics"}, "apps/v1/deployments/NS/shop"},
		"and its Deployment":               {[]string{"pod", shop, "deployment", "shop", "replicaset", rs}, "apps/v1/deployments/NS/shop"},
		"and another Deployment":           {[]string{"pod", shop, "deployment", "shop-api"}, "the alert's labels lead to different objects"},
		"and a StatefulSet":                {[]string{"pod", shop, "statefulset", "db"}, "the alert's labels lead to different objects"},
		"a ReplicaSet":                     {[]string{"replicaset", rs}, "apps/v1/deployments/NS/shop"},
		"a Deployment":                     {[]string{"deployment", "shop"}, "apps/v1/deployments/NS/shop"},
		"a part of a Deployment's name":    {[]string{"deployment", "sho"}, "Deployment NS/sho does not exist"},
		"a StatefulSet's pod":              {[]string{"pod", db}, "apps/v1/statefulsets/NS/db"},
		"a StatefulSet":                    {[]string{"statefulset", "db"}, "apps/v1/statefulsets/NS/db"},
		"a DaemonSet":                      {[]string{"daemonset", "agent"}, "apps/v1/daemonsets/NS/agent"},
		"a Job's pod":                      {[]string{"pod", once}, "batch/v1/jobs/NS/once"},
		"a Job":                            {[]string{"job_name", "once", "job", "kube-state-metrics"}, "batch/v1/jobs/NS/once"},
		"a Job by the older label":         {[]string{"job", "once"}, "batch/v1/jobs/NS/once"},
		"a CronJob's Job":                  {[]string{"job_name", cron}, "batch/v1/cronjobs/NS/nightly"},
		"a CronJob":                        {[]string{"cronjob", "nightly"}, "batch/v1/cronjobs/NS/nightly"},
		"a pod of nobody":                  {[]string{"pod", "alone"}, "v1/pods/NS/alone"},
		"a pod of something unknown":       {[]string{"pod", "someones"}, "v1/pods/NS/someones"},
		"a node":                           {[]string{"node", node}, "v1/nodes/" + node},
		"a Deployment's pod that is gone":  {[]string{"pod", rs + "-zzzzz"}, "apps/v1/deployments/NS/shop"},
		"a DaemonSet's pod that is gone":   {[]string{"pod", "agent-zzzzz"}, "apps/v1/daemonsets/NS/agent"},
		"a Job's pod that is gone":         {[]string{"pod", "once-zzzzz"}, "batch/v1/jobs/NS/once"},
		"a StatefulSet's pod that is gone": {[]string{"pod", "db-7"}, "apps/v1/statefulsets/NS/db"},
		"a pod that is gone, of either":    {[]string{"pod", "db-24567"}, "Pod NS/db-24567 is gone, and may have been one of DaemonSet NS/db or of StatefulSet NS/db"},
		"a pod of no ReplicaSet's name":    {[]string{"pod", "shop-zzzzz"}, "Pod NS/shop-zzzzz does not exist, nor a ReplicaSet"},
		"nothing but a scrape job":         {[]string{"job", "kube-state-metrics"}, "the alert names no object: it has none of the labels pod, deployment"},
		"nothing":                          {[]string{"severity", "critical"}, "the alert names no object: it has none of the labels pod, deployment"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := w.find(t, all, test.labels...)
			want := strings.ReplaceAll(test.want, "NS", w.Namespace)
			switch {
			case err != nil && !strings.HasPrefix(err.Error(), want):
				t.Errorf("got %v, want %s", err, want)
			case err == nil && found.Target() != want:
				t.Errorf("got %s, want %s", found.Target(), want)
			case err == nil:
				if o := found.Object(); o.UID == "" || o.UID != string(found.Live.GetUID()) || o.Kind != found.Live.GetKind() || o.APIVersion != found.Live.GetAPIVersion() {
					t.Errorf("object is %+v", o)
				}
			}
		})
	}
}

// A pod leads to the ReplicaSet that it was made by, and stays at hand.
func TestFoundSaysByWhatItWasFound(t *testing.T) {
	w := newWorld(t)
	pod := w.pod(t, "shop")
	found, err := w.find(t, all, "pod", pod, "container", "c")
	if err != nil {
		t.Fatal(err)
	}
	if found.Pod != pod || found.Container != "c" || found.PodObject == nil || found.PodObject.GetName() != pod || !strings.HasPrefix(pod, found.Through+"-") {
		t.Errorf("found %+v", found)
	}
}

// A Deployment's name is its ReplicaSet's without the hash; what only looks so is not trusted.
func TestReplicaSetOfAnotherNameDoesNotNameItsPods(t *testing.T) {
	w := newWorld(t)
	pod := w.pod(t, "shop")
	rs, err := w.kube.AppsV1().ReplicaSets(w.Namespace).Get(t.Context(), pod[:strings.LastIndex(pod, "-")], metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	odd := rs.DeepCopy()
	odd.ObjectMeta = metav1.ObjectMeta{Name: "odd", Namespace: w.Namespace, Labels: rs.Labels, OwnerReferences: rs.OwnerReferences}
	if _, err := w.kube.AppsV1().ReplicaSets(w.Namespace).Create(t.Context(), odd, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if found, err := w.find(t, all, "pod", "odd-zzzzz"); err == nil || !strings.Contains(err.Error(), "does not exist, nor a ReplicaSet") {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestManagers(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		metadata string
		want     []function.Manager
	}{
		"nobody":                         {`labels: {app.kubernetes.io/instance: shop, app.kubernetes.io/managed-by: Helm}`, nil},
		"Argo CD by its annotation":      {`annotations: {argocd.argoproj.io/tracking-id: "shop:apps/Deployment:ns/d"}`, []function.Manager{{Kind: function.ManagerGitOps, Name: "Argo CD application shop"}}},
		"Argo CD by its label":           {`labels: {argocd.argoproj.io/instance: shop}`, []function.Manager{{Kind: function.ManagerGitOps, Name: "Argo CD application shop"}}},
		"Flux's Kustomization":           {`labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}`, []function.Manager{{Kind: function.ManagerGitOps, Name: "Flux Kustomization flux-system/apps"}}},
		"Flux's HelmRelease":             {`labels: {helm.toolkit.fluxcd.io/name: shop, helm.toolkit.fluxcd.io/namespace: shop}`, []function.Manager{{Kind: function.ManagerGitOps, Name: "Flux HelmRelease shop/shop"}}},
		"a custom resource":              {`ownerReferences: [{apiVersion: example.com/v1, kind: Widget, name: mine, uid: "1", controller: true}]`, []function.Manager{{Kind: function.ManagerController, Name: "Widget mine"}}},
		"one that is no controller, too": {`ownerReferences: [{apiVersion: example.com/v1, kind: Widget, name: mine, uid: "1"}]`, []function.Manager{{Kind: function.ManagerController, Name: "Widget mine"}}},
	} {
		t.Run(name, func(t *testing.T) {
			own := fmt.Sprintf("managed-%x", len(name))
			kube.Apply(t, w.Config, []byte(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s, namespace: %s, %s}
spec: {selector: {matchLabels: {app: %s}}, template: {metadata: {labels: {app: %s}}, spec: {containers: [{name: c, image: "app:1"}]}}}
`, own, w.Namespace, test.metadata, own, own)))
			found, err := w.find(t, all, "deployment", own)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(found.Managers, test.want) {
				t.Errorf("got %+v, want %+v", found.Managers, test.want)
			}
		})
	}
}

func TestKindsThatTheFunctionDoesNotActOn(t *testing.T) {
	w := newWorld(t)
	_, err := w.find(t, []target.Kind{target.Deployment}, "statefulset", "db")
	if err == nil || !strings.Contains(err.Error(), "is about StatefulSet "+w.Namespace+"/db; only these can be acted on: Deployment") {
		t.Errorf("got %v", err)
	}
	// CronJobs are not even read, so that no right to do so is needed.
	found, err := w.find(t, []target.Kind{target.Job}, "job_name", w.fromCronJob(t))
	if err != nil || found.Kind != target.Job {
		t.Errorf("got %v, %v", found, err)
	}
}

// An API server that is away is no proof that there is no such object.
func TestAPIServerThatIsAway(t *testing.T) {
	w := newWorld(t)
	config := rest.CopyConfig(w.Config)
	config.Wrap(func(http.RoundTripper) http.RoundTripper { return away{} })
	f := target.Finder{Client: cluster.For(config, w.Namespace), Kinds: all}
	_, err := f.Find(t.Context(), functiontest.Alert(map[string]string{"alertname": "A", "deployment": "shop"}))
	if err == nil || !strings.Contains(err.Error(), "get Deployment "+w.Namespace+"/shop: ") || !strings.Contains(err.Error(), "away") {
		t.Errorf("got %v", err)
	}
}

type away struct{}

func (away) RoundTrip(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("away") }
