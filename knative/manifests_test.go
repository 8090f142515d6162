package knative_test

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rickb777/date/period"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	eventingduck "knative.dev/eventing/pkg/apis/duck/v1"
	eventing "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/apis/sources"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/jobresults"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/knative/keyring"
	"github.com/quench-dev/quench/knative/trigger"
)

// each runs a test for every installation.
func each(t *testing.T, test func(t *testing.T, objects []*unstructured.Unstructured)) {
	for _, dir := range installations {
		t.Run(dir, func(t *testing.T) { test(t, build(t, dir)) })
	}
}

func TestEverythingIsInOneNamespace(t *testing.T) {
	clusterWide := map[string]bool{"Namespace": true, "CustomResourceDefinition": true, "ClusterRole": true}
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		for _, o := range objects {
			want := "quench"
			if clusterWide[o.GetKind()] {
				want = ""
			}
			if o.GetNamespace() != want {
				t.Errorf("%s %s is in namespace %q", o.GetKind(), o.GetName(), o.GetNamespace())
			}
		}
	})
}

func TestPods(t *testing.T) {
	programs := map[string]string{"adapter": "/adapter", "dead-letter": "/deadletter", "job-runner": "/function", "rollback": "/function", "job-results": "/function", "image-patcher": "/image-patcher", "enricher": "/function"}
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		for name, command := range programs {
			o := one(t, objects, "Service", name)
			spec := pod(t, o)
			if len(spec.Containers) != 1 || spec.ServiceAccountName != name || spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
				t.Errorf("%s: pod %+v", name, spec)
			}
			one(t, objects, "ServiceAccount", name)
			if needsToken := command != "/adapter" && command != "/deadletter"; !needsToken && (spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken) {
				t.Errorf("%s mounts a token that it does not need", name)
			}
			c := spec.Containers[0]
			if !slices.Equal(c.Command, []string{command}) || len(c.Args) > 0 {
				t.Errorf("%s runs %v %v", name, c.Command, c.Args)
			}
			if repository, tag, ok := strings.Cut(c.Image, ":"); !ok || tag == "latest" || strings.ContainsAny(strings.SplitN(repository, "/", 2)[0], ".:") {
				t.Errorf("%s: image %q, want one with a tag and without a registry's host", name, c.Image)
			}
			if s := c.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser != 65532 || *s.RunAsGroup != 65532 || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation ||
				!slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s: security context %+v", name, s)
			}
			if r := c.Resources; r.Requests.Cpu().IsZero() || r.Requests.Memory().IsZero() || r.Limits.Memory().Cmp(*r.Requests.Memory()) < 0 {
				t.Errorf("%s: resources %+v", name, r)
			}
			if c.ReadinessProbe == nil || c.LivenessProbe == nil || c.ReadinessProbe.PeriodSeconds != 0 {
				t.Errorf("%s: probes %+v, %+v", name, c.ReadinessProbe, c.LivenessProbe)
			}
			annotations, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "annotations")
			for _, sidecar := range []string{"memory-resource-request", "memory-resource-limit"} {
				if annotations["queue.sidecar.serving.knative.dev/"+sidecar] == "" {
					t.Errorf("%s: queue-proxy has no %s", name, sidecar)
				}
			}
			if most, err := strconv.Atoi(annotations["autoscaling.knative.dev/max-scale"]); err != nil || most < 1 || most > 5 {
				t.Errorf("%s: max-scale %d, %v", name, most, err)
			}
			if o.GetLabels()["networking.knative.dev/visibility"] != "cluster-local" {
				t.Errorf("%s can be reached from outside the cluster", name)
			}
		}
	})
}

// The programs take the environment that they are given, and its parts fit each other and Knative's.
func TestEnvironment(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		var a config.Adapter
		var f, r, i config.Function
		var results struct {
			config.Function
			config.JobResults
		}
		var enrich struct {
			config.Function
			config.Enricher
		}
		var d config.DeadLetter
		for name, spec := range map[string]any{
			"adapter": &a, "job-runner": &f, "job-results": &results, "rollback": &r, "image-patcher": &i, "enricher": &enrich, "dead-letter": &d,
		} {
			t.Run(name, func(t *testing.T) {
				c := pod(t, one(t, objects, "Service", name)).Containers[0]
				var table strings.Builder
				config.WriteTable(&table, reflect.ValueOf(spec).Elem().Interface())
				for _, v := range c.Env {
					t.Setenv(v.Name, v.Value)
					if v.Name != "GOMEMLIMIT" && !strings.Contains(table.String(), "| `"+v.Name+"` |") {
						t.Errorf("nothing reads %s", v.Name)
					}
				}
				if err := config.Load(spec); err != nil {
					t.Error(err)
				}
			})
		}
		const quiet = 30 * time.Second // queue-proxy waits for before the program is told to end
		for name, drain := range map[string]config.Duration{
			"adapter": a.DrainTimeout, "job-runner": f.DrainTimeout, "job-results": results.DrainTimeout, "rollback": r.DrainTimeout,
			"image-patcher": i.DrainTimeout, "enricher": enrich.DrainTimeout, "dead-letter": d.DrainTimeout,
		} {
			seconds, _, err := unstructured.NestedInt64(one(t, objects, "Service", name).Object, "spec", "template", "spec", "timeoutSeconds")
			if grace := time.Duration(seconds) * time.Second; err != nil || grace < quiet+time.Duration(drain) {
				t.Errorf("%s is killed after %s, before it has drained for %s", name, grace, time.Duration(drain))
			}
			if name == "adapter" && time.Duration(seconds)*time.Second <= time.Duration(a.SendTimeout) {
				t.Errorf("Knative ends a webhook after %d s, before SEND_TIMEOUT (%s)", seconds, a.SendTimeout)
			}
		}
		if d.MaxBodyBytes < a.MaxBodyBytes {
			t.Errorf("the dead-letter sink takes %d bytes, the adapter sends up to %d", d.MaxBodyBytes, a.MaxBodyBytes)
		}
		concurrency, _, _ := unstructured.NestedInt64(one(t, objects, "Service", "adapter").Object, "spec", "template", "spec", "containerConcurrency")
		if int(concurrency) != a.MaxInFlight {
			t.Errorf("the adapter takes %d webhooks at once and is given %d", a.MaxInFlight, concurrency)
		}
	})
}

// Every function acts on signed events alone, the adapter signs, and nobody else gets the key.
func TestKeysAreMounted(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		for _, o := range objects {
			if !isService(o) {
				continue
			}
			spec := pod(t, o)
			c := spec.Containers[0]
			mounted := map[string]string{} // what is mounted, by the path
			for _, m := range c.VolumeMounts {
				for _, v := range spec.Volumes {
					switch {
					case v.Name != m.Name:
					case v.Secret != nil:
						mounted[m.MountPath] = "secret " + v.Secret.SecretName
						if len(v.Secret.Items) != 1 || v.Secret.Items[0].Key != keyring.KeyFile {
							t.Errorf("%s gets more of the Secret than the key that signs: %v", o.GetName(), v.Secret.Items)
						}
					case v.ConfigMap != nil:
						mounted[m.MountPath] = "configmap " + v.ConfigMap.Name
					}
				}
			}
			env := map[string]string{}
			for _, v := range c.Env {
				env[v.Name] = v.Value
			}
			switch c.Command[0] {
			case "/adapter":
				if got := mounted[path.Dir(env["SIGNING_KEY_FILE"])]; got != "secret "+keyring.SecretName || path.Base(env["SIGNING_KEY_FILE"]) != keyring.KeyFile {
					t.Errorf("the adapter signs with %s of %q", env["SIGNING_KEY_FILE"], got)
				}
				continue
			case "/function", "/image-patcher":
				if o.GetName() == jobresults.Name { // believes no event, and so asks for no signature
					continue
				}
				if got := mounted[env["VERIFY_KEYS_FILE"]]; got != "configmap "+keyring.ConfigMapName {
					t.Errorf("%s verifies with %s of %q", o.GetName(), env["VERIFY_KEYS_FILE"], got)
				}
			}
			for _, what := range mounted {
				if strings.HasPrefix(what, "secret ") {
					t.Errorf("%s mounts %s", o.GetName(), what)
				}
			}
		}
	})
}

func TestDelivery(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		triggers := 0
		for _, o := range objects {
			var d *eventingduck.DeliverySpec
			switch o.GetKind() {
			case "Broker":
				d = into[eventing.BrokerSpec](t, o, "spec").Delivery
			case "Trigger":
				triggers++
				spec := into[eventing.TriggerSpec](t, o, "spec")
				d = spec.Delivery
				one(t, objects, "Broker", spec.Broker)
				one(t, objects, spec.Subscriber.Ref.Kind, spec.Subscriber.Ref.Name)
			default:
				continue
			}
			if d == nil || d.Retry == nil || d.BackoffPolicy == nil || *d.BackoffPolicy != eventingduck.BackoffPolicyExponential ||
				d.BackoffDelay == nil || d.Timeout == nil || d.DeadLetterSink == nil || d.DeadLetterSink.Ref == nil {
				t.Errorf("%s %s: delivery %+v", o.GetKind(), o.GetName(), d)
				continue
			}
			// As long as an API server takes to be started again, and within the adapter's 50 s with the dead letter.
			delay, err := period.Parse(*d.BackoffDelay)
			if err != nil {
				t.Fatal(err)
			}
			if waits := delay.DurationApprox() * (1<<*d.Retry - 1); waits < 30*time.Second || waits > 40*time.Second {
				t.Errorf("%s %s: the retries wait %s", o.GetKind(), o.GetName(), waits)
			}
			one(t, objects, d.DeadLetterSink.Ref.Kind, d.DeadLetterSink.Ref.Name)
		}
		if triggers == 0 {
			t.Error("no Trigger")
		}
	})
}

// Only alerts that ask for it reach a function, and nothing else that goes through the Broker.
func TestTriggerOptsIn(t *testing.T) {
	triggers, err := trigger.Load("base/job-runner", "base/rollback", "base/image-patcher", "samples/site/trigger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		eventType string
		labels    map[string]string
		want      string // the one Trigger that lets it through
	}{
		"asks for it":          {"io.prometheus.alertmanager.alert.firing", map[string]string{"remediation": "job-runner"}, "job-runner"},
		"has asked for it":     {"io.prometheus.alertmanager.alert.resolved", map[string]string{"remediation": "job-runner"}, "job-runner"},
		"asks for another":     {"io.prometheus.alertmanager.alert.firing", map[string]string{"remediation": "rollback"}, "rollback"},
		"asks for an image":    {"io.prometheus.alertmanager.alert.firing", map[string]string{"remediation": "image-patcher"}, "image-patcher"},
		"asks for nothing":     {"io.prometheus.alertmanager.alert.firing", nil, ""},
		"is a crash loop":      {"io.prometheus.alertmanager.alert.firing", map[string]string{"alertname": "KubePodCrashLooping"}, "crash-loops"},
		"is approved":          {"dev.quench.approval.granted", map[string]string{"action": "job-runner"}, "job-runner-approvals"},
		"is rejected":          {"dev.quench.approval.rejected", map[string]string{"action": "rollback"}, "rollback-approvals"},
		"is an outcome of one": {"dev.quench.action.failed", map[string]string{"remediation": "job-runner", "alertname": "KubePodCrashLooping"}, ""},
	} {
		e := event.New()
		e.SetID("e1")
		e.SetSource("/alertmanager/default")
		e.SetType(test.eventType)
		for label, value := range test.labels {
			e.SetExtension(label, value)
		}
		var got []string
		for _, tr := range triggers {
			matches, err := tr.Filter.Match(t.Context(), e)
			if err != nil {
				t.Errorf("%s: %s: %v", name, tr.ID(), err)
			}
			if matches {
				got = append(got, tr.ID()[strings.Index(tr.ID(), "/")+1:])
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// Every alert that fires is enriched, and nothing else: an enriched alert comes back neither to enricher nor to a function
// that acts, whatever labels it has.
func TestEnricherGetsFiringAlertsAlone(t *testing.T) {
	triggers, err := trigger.Load("base/enricher", "base/job-runner", "base/rollback", "base/image-patcher", "samples/site/trigger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for eventType, want := range map[string]string{
		alert.TypeFiring: "enricher", alert.TypeResolved: "", alert.TypeGroupFiring: "", enriched.Type: "", "dev.quench.action.failed": "",
	} {
		for _, remediation := range []string{"none", "rollback"} {
			e := event.New()
			e.SetID("e1")
			e.SetSource("/")
			e.SetType(eventType)
			e.SetExtension("remediation", remediation)
			for i, tr := range triggers {
				got, err := tr.Filter.Match(t.Context(), e)
				if err != nil || i == 0 && got != (want != "") || i > 0 && got && !alert.IsAlert(e) {
					t.Errorf("%s: %s matches %v, %v", eventType, tr.ID(), got, err)
				}
			}
		}
	}
}

// What the source sends of a Job is what job-results gets, and nobody else; the outcome that it answers with comes back
// to neither of the functions.
func TestJobResultsGetsJobsAlone(t *testing.T) {
	triggers, err := trigger.Load("base/job-results/trigger.yaml", "base/job-runner/trigger.yaml", "samples/site/trigger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		eventType  string
		attributes map[string]string
		want       bool
	}{
		"a Job has changed":       {sources.ApiServerSourceUpdateRefEventType, map[string]string{"apiversion": "batch/v1", "kind": "Job"}, true},
		"a Job is gone":           {sources.ApiServerSourceDeleteRefEventType, map[string]string{"apiversion": "batch/v1", "kind": "Job"}, false},
		"something else's source": {sources.ApiServerSourceUpdateRefEventType, map[string]string{"apiversion": "v1", "kind": "Pod"}, false},
		"an outcome":              {"dev.quench.action.failed", map[string]string{"alertname": "KubePodCrashLooping", "remediation": "job-runner", "kind": "Job"}, false},
	} {
		e := event.New()
		e.SetID("e1")
		e.SetSource("https://10.96.0.1:443")
		e.SetType(test.eventType)
		for attribute, value := range test.attributes {
			e.SetExtension(attribute, value)
		}
		for i, tr := range triggers {
			if got, err := tr.Filter.Match(t.Context(), e); got != (test.want && i == 0) || err != nil {
				t.Errorf("%s: %s matches %v, %v", name, tr.ID(), got, err)
			}
		}
	}
}

// The source watches no other Jobs than job-runner's, as an account of its own, and sends no more than their names.
func TestJobResultsSource(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		spec := into[sourcesv1.ApiServerSourceSpec](t, one(t, objects, "ApiServerSource", "job-results"), "spec")
		want := map[string]string{"app.kubernetes.io/managed-by": "quench", "quench.dev/function": jobrunner.Name}
		if len(spec.Resources) != 1 || spec.Resources[0].Kind != "Job" || !maps.Equal(spec.Resources[0].LabelSelector.MatchLabels, want) ||
			spec.EventMode != sourcesv1.ReferenceMode || len(spec.Filters) > 0 { // filters are off where Knative is as it comes
			t.Errorf("spec %+v", spec)
		}
		one(t, objects, "ServiceAccount", spec.ServiceAccountName)
		one(t, objects, spec.Sink.Ref.Kind, spec.Sink.Ref.Name)
	})
}

// README's patches leave out all of it.
func TestPartsCanBeLeftOut(t *testing.T) {
	for component, objects := range map[string]int{"job-results": 9, "enricher": 5} {
		t.Run(component, func(t *testing.T) { leaveOut(t, component, objects) })
	}
}

func leaveOut(t *testing.T, component string, objects int) {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var patch string
	for line := range strings.Lines(string(readme)) {
		if strings.Contains(line, "labelSelector: app.kubernetes.io/component="+component) {
			patch = strings.TrimSpace(line)
		}
	}
	base, err := filepath.Abs("overlays/standard")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if base, err = filepath.Rel(dir, base); err != nil {
		t.Fatal(err)
	}
	text := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [" + base + "]\npatches:\n  " + patch + "\n"
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all, left := build(t, "overlays/standard"), build(t, dir)
	for _, o := range left {
		if strings.Contains(o.GetName(), component) {
			t.Errorf("%s %s is left", o.GetKind(), o.GetName())
		}
	}
	if len(left) != len(all)-objects {
		t.Errorf("of %d objects %d are left", len(all), len(left))
	}
}

func TestBrokerClass(t *testing.T) {
	for dir, want := range map[string]string{"overlays/standard": "MTChannelBasedBroker", "overlays/kafka": "Kafka"} {
		objects := build(t, dir)
		b := one(t, objects, "Broker", "default")
		if got := b.GetAnnotations()[eventing.BrokerClassAnnotationKey]; got != want {
			t.Errorf("%s: class %q", dir, got)
		}
		ref := into[eventing.BrokerSpec](t, b, "spec").Config
		one(t, objects, ref.Kind, ref.Name)
	}
}

// Other rules have to make another Revision.
func TestRulesAreMountedByTheirHash(t *testing.T) {
	seen := map[string]bool{}
	for _, dir := range []string{"overlays/standard", "samples/site"} {
		objects := build(t, dir)
		name := pod(t, one(t, objects, "Service", "job-runner")).Volumes[0].ConfigMap.Name
		if !strings.HasPrefix(name, "quench-jobs-") || seen[name] {
			t.Errorf("%s mounts %s", dir, name)
		}
		seen[name] = true
		one(t, objects, "ConfigMap", name)
	}
}

// pullSecrets is the one role that reads Secrets, for whoever binds it in a namespace.
const pullSecrets = "quench-image-patcher-pull-secrets"

func TestRights(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		for _, o := range objects {
			switch o.GetKind() {
			case "ClusterRoleBinding":
				t.Errorf("%s gives rights in every namespace", o.GetName())
			case "Role", "ClusterRole":
				for _, rule := range into[rbacv1.Role](t, o).Rules {
					// quench-keys has a test of its own.
					if all := slices.Concat(rule.Verbs, rule.Resources, rule.APIGroups); slices.Contains(all, "*") || slices.Contains(all, "escalate") ||
						slices.Contains(all, "bind") || slices.Contains(all, "impersonate") || slices.Contains(all, "secrets") && o.GetName() != "quench-keys" && o.GetName() != pullSecrets {
						t.Errorf("%s allows %v", o.GetName(), rule)
					}
				}
			case "RoleBinding":
				b := into[rbacv1.RoleBinding](t, o)
				if b.RoleRef.Name == pullSecrets {
					t.Errorf("%s lets an account read Secrets, unasked", o.GetName())
				}
				one(t, objects, b.RoleRef.Kind, b.RoleRef.Name)
				for _, s := range b.Subjects {
					one(t, objects, s.Kind, s.Name)
				}
			}
		}
	})
}

// What has other ingress than the broker's and Serving's is a mistake that no API server finds.
func TestNetworkPolicies(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		closed := false
		for _, o := range objects {
			if o.GetKind() != "NetworkPolicy" {
				continue
			}
			rules, _, _ := unstructured.NestedSlice(o.Object, "spec", "ingress")
			selector, _, _ := unstructured.NestedMap(o.Object, "spec", "podSelector")
			closed = closed || len(rules) == 0 && len(selector) == 0
			for _, rule := range rules {
				keys := slices.Sorted(maps.Keys(rule.(map[string]any)))
				if !slices.Equal(keys, []string{"from", "ports"}) {
					t.Errorf("%s: an ingress rule with %v alone", o.GetName(), keys)
				}
			}
		}
		if !closed {
			t.Error("no policy closes the namespace")
		}
	})
}

func pod(t *testing.T, service *unstructured.Unstructured) *corev1.PodSpec {
	t.Helper()
	o := service.DeepCopy()
	for _, field := range []string{"containerConcurrency", "timeoutSeconds"} { // a Revision's, not a pod's
		unstructured.RemoveNestedField(o.Object, "spec", "template", "spec", field)
	}
	return into[corev1.PodSpec](t, o, "spec", "template", "spec")
}
