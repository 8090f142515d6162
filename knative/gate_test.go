package knative_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/config"
)

// gates are the folders that install the gate.
var gates = []string{"gate", "samples/gate-pool"}

// What is installed is the gate and nothing else, in a namespace of its own: kubectl delete -k takes away nothing of quench's.
func TestGateStandsAlone(t *testing.T) {
	for _, dir := range gates {
		var got []string
		for _, o := range build(t, dir) {
			if got = append(got, o.GetKind()+" "+o.GetName()); o.GetNamespace() != "quench-gate" && o.GetKind() != "Namespace" {
				t.Errorf("%s: %s %s is in namespace %q", dir, o.GetKind(), o.GetName(), o.GetNamespace())
			}
		}
		slices.Sort(got)
		if want := []string{
			"Deployment gate", "Namespace quench-gate", "NetworkPolicy gate", "PodDisruptionBudget gate", "ResourceQuota critical-pods", "Service gate", "ServiceAccount gate",
		}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
}

func TestGateManifest(t *testing.T) {
	for _, dir := range gates {
		t.Run(dir, func(t *testing.T) {
			objects := build(t, dir)
			d := into[appsv1.DeploymentSpec](t, one(t, objects, "Deployment", "gate"), "spec")
			spec, c := d.Template.Spec, d.Template.Spec.Containers[0]
			if len(spec.Containers) != 1 || spec.PriorityClassName != "system-cluster-critical" || spec.ServiceAccountName != "gate" ||
				*spec.AutomountServiceAccountToken || *spec.EnableServiceLinks || !slices.Equal(c.Command, []string{"/gate"}) {
				t.Errorf("pod %+v", spec)
			}
			if s := c.SecurityContext; !*s.RunAsNonRoot || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
				t.Errorf("security context %+v", s)
			}
			// As prometheus-alert-readiness' chart has it.
			if p := c.ReadinessProbe; p.FailureThreshold != 1 || p.InitialDelaySeconds != 0 || p.PeriodSeconds != 5 || p.SuccessThreshold != 24 || p.TimeoutSeconds != 5 {
				t.Errorf("readiness probe %+v", p)
			}

			var table strings.Builder
			config.WriteTable(&table, config.Gate{})
			for _, v := range c.Env {
				t.Setenv(v.Name, v.Value)
				if v.Name != "GOMEMLIMIT" && !strings.Contains(table.String(), "| `"+v.Name+"` |") {
					t.Errorf("nothing reads %s", v.Name)
				}
			}
			cfg, err := config.LoadGate()
			if err != nil {
				t.Fatal(err)
			}
			if c.ReadinessProbe.HTTPGet.Path != cfg.ReadinessPath || c.LivenessProbe.HTTPGet.Path != cfg.LivenessPath || int(c.Ports[0].ContainerPort) != int(cfg.Port) {
				t.Errorf("the probes ask at other paths than %s and %s, or another port than %s", cfg.ReadinessPath, cfg.LivenessPath, cfg.Port)
			}
			if probe := time.Duration(c.ReadinessProbe.TimeoutSeconds) * time.Second; time.Duration(cfg.APITimeout) >= probe {
				t.Errorf("the gate takes up to %s, the kubelet has left after %s", cfg.APITimeout, probe)
			}

			labels := d.Template.Labels
			b := into[policyv1.PodDisruptionBudgetSpec](t, one(t, objects, "PodDisruptionBudget", "gate"), "spec")
			if b.MaxUnavailable.IntValue() != 1 || b.MinAvailable != nil || b.UnhealthyPodEvictionPolicy != nil || !maps.Equal(b.Selector.MatchLabels, labels) {
				t.Errorf("budget %+v", b)
			}
			s := into[corev1.ServiceSpec](t, one(t, objects, "Service", "gate"), "spec")
			if !maps.Equal(s.Selector, labels) || !s.PublishNotReadyAddresses {
				t.Errorf("Service %+v", s)
			}
			n := into[networkingv1.NetworkPolicySpec](t, one(t, objects, "NetworkPolicy", "gate"), "spec")
			if len(n.PodSelector.MatchLabels) > 0 || len(n.Ingress) != 1 || n.Ingress[0].Ports[0].Port.StrVal != c.Ports[0].Name {
				t.Errorf("NetworkPolicy %+v", n)
			}
		})
	}
}

// moved is what dir installs, in another namespace, as text.
func moved(t *testing.T, dir, namespace string) []byte {
	t.Helper()
	var text bytes.Buffer
	for _, o := range build(t, dir) {
		if o.GetKind() == "Namespace" {
			o.SetName(namespace)
		} else {
			o.SetNamespace(namespace)
		}
		if err := unstructured.UnstructuredJSONScheme.Encode(o, &text); err != nil {
			t.Fatal(err)
		}
		text.WriteString("---\n")
	}
	return text.Bytes()
}
