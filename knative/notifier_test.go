package knative_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	eventing "knative.dev/eventing/pkg/apis/eventing/v1"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/knative/trigger"
)

const notifierSample = "samples/notifier"

// The sample has what every function of the base has, and mounts its own Secret and no other.
func TestNotifierSample(t *testing.T) {
	objects := build(t, notifierSample)
	for _, o := range objects {
		if o.GetNamespace() != "quench" || o.GetLabels()["app.kubernetes.io/part-of"] != "quench" {
			t.Errorf("%s %s is in namespace %q, with labels %v", o.GetKind(), o.GetName(), o.GetNamespace(), o.GetLabels())
		}
		if o.GetKind() == "Secret" {
			t.Error("a Secret is in a manifest")
		}
	}
	ours, theirs := one(t, objects, "Service", notifier.Name), one(t, build(t, "overlays/standard"), "Service", "job-runner")
	spec, like := pod(t, ours), pod(t, theirs)
	c, other := spec.Containers[0], like.Containers[0]
	if c.Image != other.Image || !slices.Equal(c.Command, []string{"/notifier"}) || !reflect.DeepEqual(c.SecurityContext, other.SecurityContext) ||
		!reflect.DeepEqual(c.Resources, other.Resources) || !reflect.DeepEqual(c.ReadinessProbe, other.ReadinessProbe) || spec.ServiceAccountName != notifier.Name ||
		ours.GetLabels()["networking.knative.dev/visibility"] != "cluster-local" {
		t.Errorf("it runs otherwise than job-runner: %+v", c)
	}
	one(t, objects, "ServiceAccount", spec.ServiceAccountName)
	mounted := map[string]string{}
	for _, v := range spec.Volumes {
		switch {
		case v.Secret != nil:
			mounted[v.Name] = "secret " + v.Secret.SecretName
		case v.ConfigMap != nil:
			mounted[v.Name] = "configmap " + v.ConfigMap.Name
		}
	}
	rules := mounted["receivers"]
	one(t, objects, "ConfigMap", strings.TrimPrefix(rules, "configmap "))
	if mounted["secrets"] != "secret quench-notifier" || mounted["verify-keys"] != "configmap quench-verify-keys" || !strings.HasPrefix(rules, "configmap quench-notifier-") {
		t.Errorf("it mounts %v", mounted)
	}
}

// It takes the environment that it is given, whose parts fit each other and Knative's.
func TestNotifierEnvironment(t *testing.T) {
	o := one(t, build(t, notifierSample), "Service", notifier.Name)
	var c struct {
		config.Function
		config.Notifier
	}
	var table strings.Builder
	config.WriteTable(&table, c)
	for _, v := range pod(t, o).Containers[0].Env {
		t.Setenv(v.Name, v.Value)
		if v.Name != "GOMEMLIMIT" && !strings.Contains(table.String(), "| `"+v.Name+"` |") {
			t.Errorf("nothing reads %s", v.Name)
		}
	}
	if err := config.Load(&c.Function); err != nil {
		t.Error(err)
	}
	if err := config.Load(&c.Notifier); err != nil {
		t.Error(err)
	}
	const quiet = 30 * time.Second
	seconds, _, err := unstructured.NestedInt64(o.Object, "spec", "template", "spec", "timeoutSeconds")
	if grace := time.Duration(seconds) * time.Second; err != nil || grace < quiet+time.Duration(c.DrainTimeout) || c.VerifyKeysFile != "/var/run/quench/keys" {
		t.Errorf("it is killed after %s, before it has drained for %s; keys %q", grace, c.DrainTimeout, c.VerifyKeysFile)
	}
}

// Alerts, enriched alerts and what was done reach it; what was skipped and what only began do not, nor do approvals. It is
// delivered to as the others are.
func TestNotifierTriggers(t *testing.T) {
	triggers, err := trigger.Load(notifierSample + "/triggers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for eventType, want := range map[string]string{
		"io.prometheus.alertmanager.alert.firing":   "quench/notifier-alerts",
		"io.prometheus.alertmanager.alert.resolved": "quench/notifier-alerts",
		"io.prometheus.alertmanager.group.firing":   "",
		"dev.quench.alert.enriched":                 "quench/notifier-enriched",
		"dev.quench.action.succeeded":               "quench/notifier-outcomes",
		"dev.quench.action.failed":                  "quench/notifier-outcomes",
		"dev.quench.action.planned":                 "quench/notifier-outcomes",
		"dev.quench.action.skipped":                 "",
		"dev.quench.action.started":                 "",
		"dev.quench.approval.granted":               "",
	} {
		e := event.New()
		e.SetID("e1")
		e.SetSource("/alertmanager/default")
		e.SetType(eventType)
		got := ""
		for _, tr := range triggers {
			matches, err := tr.Filter.Match(t.Context(), e)
			if err != nil {
				t.Error(err)
			}
			if matches {
				_, name, _ := strings.Cut(tr.ID(), "/")
				got += "quench/" + name
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", eventType, got, want)
		}
	}
	like := into[eventing.TriggerSpec](t, one(t, build(t, "overlays/standard"), "Trigger", "job-runner"), "spec").Delivery
	for _, o := range build(t, notifierSample) {
		if o.GetKind() != "Trigger" {
			continue
		}
		if spec := into[eventing.TriggerSpec](t, o, "spec"); spec.Broker != "default" || !reflect.DeepEqual(spec.Delivery, like) || spec.Subscriber.Ref.Name != notifier.Name {
			t.Errorf("%s: %+v", o.GetName(), spec)
		}
	}
}

// notifier starts with the sample's receivers, and with those that it has as comments, once the secrets are there.
func TestNotifierReceiversParse(t *testing.T) {
	text, err := os.ReadFile(notifierSample + "/notifier.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, secret := range map[string]string{
		"slack-token": "xoxb-1", "slack-webhook": "https://hooks.slack.example/services/T/B/x", "pages-url": "https://pages.example/",
		"pages-authorization": "Bearer x", "phone-url": "ntfy://ntfy.example/topic",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	there := strings.ReplaceAll(string(text), "/var/run/quench/notifier", dir)
	all := strings.ReplaceAll(there, "\n  # ", "\n  ")
	all = strings.NewReplacer("\n  A channel, by", "\n  # A channel, by", "\n  More than one:", "\n  # More than one:", "\n  #\n", "\n\n").Replace(all)
	for _, test := range []struct {
		text string
		want int
	}{{there, 1}, {all, 4}} {
		if receivers, err := notifier.Parse("notifier.yaml", []byte(test.text)); err != nil || len(receivers) != test.want {
			t.Errorf("%d receivers, want %d: %v\n%s", len(receivers), test.want, err, test.text)
		}
	}
}

// The sample goes beside what is installed: an overlay with both is admitted as one, under the site's image.
func TestNotifierBesideASite(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if here, err = filepath.Rel(dir, here); err != nil {
		t.Fatal(err)
	}
	text := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [" + here + "/samples/site, " + here + "/" + notifierSample + "]\n" +
		"images: [{ name: quench-dev/quench, newName: example/quench, newTag: v0.1.0 }]\n" +
		"configMapGenerator:\n  - { name: quench-notifier, namespace: quench, behavior: replace, literals: ['notifier.yaml=x'] }\n"
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	objects := build(t, dir)
	spec := pod(t, one(t, objects, "Service", notifier.Name))
	if got := spec.Containers[0].Image; got != "example/quench:v0.1.0" {
		t.Errorf("image %s", got)
	}
	one(t, objects, "ConfigMap", spec.Volumes[0].ConfigMap.Name)
}

// notifier, as its ServiceAccount, does all that it can do, and nothing that it may do is left over.
func TestNotifierHasTheRightsThatItUses(t *testing.T) {
	w := functiontest.New(t)
	manifests := build(t, notifierSample)
	for _, o := range manifests {
		if o.GetKind() == "Role" {
			for _, rule := range into[rbacv1.Role](t, o).Rules {
				for _, resource := range rule.Resources {
					if resource == "secrets" || resource == "configmaps" {
						t.Errorf("it may reach %s", resource)
					}
				}
			}
		}
	}
	granted := grant(t, w, notifier.Name, manifests)
	used := notifierUsage(t, w)
	if got := used.sorted(); !reflect.DeepEqual(got, granted) {
		t.Errorf("it uses  %v\nit may do %v", got, granted)
	}
}
