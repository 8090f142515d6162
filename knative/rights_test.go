package knative_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/lease"
	"github.com/quench-dev/quench/function/note"
	"github.com/quench-dev/quench/function/policy"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/tests/kube"
)

const everyRule = `
jobs:
- {name: one, alert: A, container: busybox, maxRunning: 9, onRepeat: act, coolDown: 0s, onResolved: cancel}
- {name: two, alert: B, cronJob: nightly}
`

// job-runner, as its ServiceAccount, does all that it can do, and nothing that it may do is left over.
func TestJobRunnerHasTheRightsThatItUses(t *testing.T) {
	w := functiontest.New(t)
	admin := kubernetes.NewForConfigOrDie(w.Config)
	granted := grant(t, w, jobrunner.Name, build(t, "overlays/standard"))
	cron := "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: " + w.Namespace + "}\nspec: {schedule: '0 0 * * *', suspend: true, " +
		"jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}}}\n"
	kube.Apply(t, w.Config, []byte(cron))
	emptyPolicy(t, w)

	used := &usage{}
	firing := func(name, pod string) (labels map[string]string) {
		return map[string]string{"alertname": name, "pod": pod}
	}
	a := functiontest.Alert(firing("A", "p-1"))

	// An attempt that is cut off after it made its Job: its lock is taken over, its Job found.
	began := w.Clock.Now()
	cut := runner(t, w, used.client(w, jobrunner.Name, func(r *http.Request) bool { return r.Method == http.MethodDelete || r.Method == http.MethodPut }))
	if _, err := cut.Handle(t.Context(), functiontest.Event(t, a, began)); err == nil {
		t.Fatal("an attempt whose outcome cannot be recorded is answered")
	}
	w.Clock.Advance(31 * time.Second)
	f := runner(t, w, used.client(w, jobrunner.Name, nil))
	functiontest.Handle(t, f, functiontest.Event(t, a, began)).Want(t, function.Succeeded, jobrunner.ReasonAlreadyThere)
	functiontest.Handle(t, f, functiontest.Event(t, a, w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	functiontest.Handle(t, f, functiontest.Event(t, functiontest.Resolved(a), w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCancelled)
	functiontest.Handle(t, f, functiontest.Event(t, functiontest.Alert(firing("B", "p-1")), w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	w.Clock.Advance(3 * time.Hour) // past RecordTTL: the next action sweeps
	functiontest.Handle(t, f, functiontest.Event(t, functiontest.Alert(firing("A", "p-2")), w.Clock.Now())).Want(t, function.Succeeded, jobrunner.ReasonCreated)
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	if got := used.sorted(); !slices.Equal(got, granted) {
		t.Errorf("it uses  %v\nit may do %v", got, granted)
	}
	jobs, err := admin.BatchV1().Jobs(w.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(jobs.Items) == 0 {
		t.Errorf("%v, %v", jobs, err)
	}
}

// grant gives a function's ServiceAccount in a test's namespace what the manifests give it in theirs, and lists that.
func grant(t *testing.T, w *functiontest.World, account string, manifests []*unstructured.Unstructured) []string {
	t.Helper()
	rename := func(name string) string { return name + "-" + w.Namespace } // cluster-wide names are not a test's alone
	var text bytes.Buffer
	bound := map[string]bool{}
	for _, o := range manifests {
		if o.GetKind() != "RoleBinding" {
			continue
		}
		b := into[rbacv1.RoleBinding](t, o)
		if b.Subjects[0].Name != account {
			continue
		}
		bound[b.RoleRef.Name] = true
		b.Namespace, b.Subjects[0].Namespace, b.RoleRef.Name = w.Namespace, w.Namespace, rename(b.RoleRef.Name)
		b.APIVersion, b.Kind = o.GetAPIVersion(), o.GetKind()
		appendYAML(t, &text, b)
	}
	var granted []string
	var rules []rbacv1.PolicyRule
	for _, o := range manifests {
		if !bound[o.GetName()] || o.GetKind() != "Role" && o.GetKind() != "ClusterRole" {
			continue
		}
		for _, rule := range into[rbacv1.Role](t, o).Rules {
			rules = append(rules, rule)
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					granted = append(granted, verb+" "+resource)
				}
			}
		}
		name := rename(o.GetName())
		o.SetName(name)
		if o.GetKind() == "ClusterRole" {
			t.Cleanup(func() {
				_ = kubernetes.NewForConfigOrDie(w.Config).RbacV1().ClusterRoles().Delete(context.Background(), name, metav1.DeleteOptions{})
			})
		} else {
			o.SetNamespace(w.Namespace)
		}
		appendYAML(t, &text, o.Object)
	}
	kube.Apply(t, w.Config, text.Bytes())
	slices.Sort(granted)
	for _, rule := range rules {
		awaitRule(t, w, account, rule)
	}
	return slices.Compact(granted)
}

// awaitRule waits until the API server knows of a right: it hears of roles and bindings a moment after they are made.
func awaitRule(t *testing.T, w *functiontest.World, account string, rule rbacv1.PolicyRule) {
	t.Helper()
	resource, sub, _ := strings.Cut(rule.Resources[0], "/")
	asked := authorizationv1.ResourceAttributes{
		Namespace: w.Namespace, Verb: rule.Verbs[0], Group: rule.APIGroups[0], Resource: resource, Subresource: sub,
	}
	if len(rule.ResourceNames) > 0 {
		asked.Name = rule.ResourceNames[0]
	}
	client := kubernetes.NewForConfigOrDie(w.Config)
	kube.Eventually(t, account+"'s rights", func(ctx context.Context) error {
		review, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:" + w.Namespace + ":" + account, ResourceAttributes: &asked,
		}}, metav1.CreateOptions{})
		if err == nil && !review.Status.Allowed {
			err = fmt.Errorf("%s %s is not allowed yet: %s", asked.Verb, asked.Resource, review.Status.Reason)
		}
		return err
	})
}

// emptyPolicy is one that a function has to read, and that limits nothing.
func emptyPolicy(t *testing.T, w *functiontest.World) {
	t.Helper()
	kube.Apply(t, w.Config, []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: quench-policy, namespace: "+w.Namespace+"}\ndata: {policy.yaml: '{}'}\n"))
}

func appendYAML(t *testing.T, to *bytes.Buffer, object any) {
	t.Helper()
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(to, "---\n%s", text)
}

func runner(t *testing.T, w *functiontest.World, client *cluster.Client) *function.Function {
	t.Helper()
	rules, err := jobrunner.Parse("rules.yaml", []byte(everyRule))
	if err != nil {
		t.Fatal(err)
	}
	f, err := function.New(jobrunner.New(rules, client, w.Clock.Now), function.Options{
		Locks:   &lease.Locker{Client: client, Function: jobrunner.Name, Duration: 30 * time.Second, Now: w.Clock.Now},
		Records: &record.Remediations{Client: client}, RecordTTL: 2 * time.Hour,
		MaxEventAge: time.Hour, ApplyTimeout: 20 * time.Second, Now: w.Clock.Now,
		Policy: &policy.Source{Client: client, ConfigMap: "quench-policy", Known: []string{jobrunner.Name}}, Notes: &note.Events{Client: client},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// usage notes what is asked of the API server.
type usage struct {
	mu   sync.Mutex
	seen map[string]bool
}

// client is the cluster, as a function's ServiceAccount. Requests that are lost do not arrive.
func (u *usage) client(w *functiontest.World, account string, lost func(*http.Request) bool) *cluster.Client {
	c := rest.CopyConfig(w.Config)
	c.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + w.Namespace + ":" + account,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + w.Namespace, "system:authenticated"},
	}
	c.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if lost != nil && lost(r) {
				return nil, errors.New("lost")
			}
			u.note(r)
			return next.RoundTrip(r)
		})
	})
	return cluster.For(c, w.Namespace)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// note reads verb and resource from …/namespaces/NAMESPACE/RESOURCE[/NAME[/SUBRESOURCE]], or /api/v1/RESOURCE/NAME.
func (u *usage) note(r *http.Request) {
	_, path, ok := strings.Cut(r.URL.Path, "/namespaces/")
	if !ok {
		path = strings.TrimPrefix(r.URL.Path, "/api/v1")
	}
	parts := strings.Split(path, "/")[1:]
	verb := map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete", http.MethodGet: "get"}[r.Method]
	if verb == "get" && len(parts) == 1 {
		verb = "list"
	}
	resource := parts[0]
	if len(parts) == 3 {
		resource += "/" + parts[2]
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen == nil {
		u.seen = map[string]bool{}
	}
	u.seen[verb+" "+resource] = true
}

func (u *usage) sorted() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var all []string
	for s := range u.seen {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}
