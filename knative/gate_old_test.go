package knative_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/tests/kube"
)

// oldGate is what the chart of prometheus-alert-readiness makes with its own values.
const oldGate = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: prometheus-alert-readiness, namespace: NAMESPACE}
spec:
  replicas: 1
  selector: {matchLabels: {app.kubernetes.io/name: prometheus-alert-readiness}}
  template:
    metadata: {labels: {app.kubernetes.io/name: prometheus-alert-readiness}}
    spec:
      priorityClassName: system-cluster-critical
      containers:
      - name: prometheus-alert-readiness
        image: ghcr.example/prometheus-alert-readiness:0.1.1
        env:
        - {name: PROMETHEUS_ENDPOINT, value: "http://localhost:9090"}
        - {name: PROMETHEUS_API_TIMEOUT, value: "10"}
        - {name: PROMETHEUS_ALERT_SEVERITIES, value: "critical,warning"}
        - {name: KUBE_LIVENESS_PATH, value: "/live"}
        - {name: KUBE_READINESS_PATH, value: "/ready"}
        - {name: KUBE_PROBE_LISTEN_PORT, value: "8080"}
        ports: [{name: http, containerPort: 8080}]
        livenessProbe: {httpGet: {path: /live, port: http}}
        readinessProbe: {httpGet: {path: /ready, port: http}, failureThreshold: 1, periodSeconds: 5, successThreshold: 24, timeoutSeconds: 5}
`

// README's commands turn an installation of prometheus-alert-readiness into one of the gate, which takes its environment.
func TestReadmeReplacesPrometheusAlertReadiness(t *testing.T) {
	restConfig := kube.Start(t)
	namespace := kube.Namespace(t, restConfig)
	kube.Apply(t, restConfig, []byte(strings.ReplaceAll(oldGate, "NAMESPACE", namespace)))
	file := kubeconfig(t, restConfig, namespace)
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "### Coming from prometheus-alert-readiness")
	section, _, _ = strings.Cut(section, "\n## ")
	commands := 0
	for line := range strings.Lines(section) {
		line = strings.Trim(strings.TrimSpace(line), "`.")
		if !strings.HasPrefix(line, "kubectl ") {
			continue
		}
		commands++
		cmd := exec.Command("sh", "-c", strings.Replace(line, "kubectl", kubectl(t), 1))
		cmd.Env = append(os.Environ(), "KUBECONFIG="+file)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	if commands != 2 {
		t.Fatalf("README has %d commands, not the two that this test knows", commands)
	}

	client := kubernetes.NewForConfigOrDie(restConfig)
	d, err := client.AppsV1().Deployments(namespace).Get(t.Context(), "prometheus-alert-readiness", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := d.Spec.Template.Spec.Containers[0]
	if len(d.Spec.Template.Spec.Containers) != 1 || !strings.Contains(c.Image, "quench") || len(c.Command) != 1 || c.Command[0] != "/gate" || len(c.Env) != 6 {
		t.Errorf("it is %+v now", c)
	}
	for _, v := range c.Env {
		t.Setenv(v.Name, v.Value)
	}
	if cfg, err := config.LoadGate(); err != nil || cfg.APITimeout.String() != "10s" || cfg.Severities.String() != "critical,warning" {
		t.Errorf("%+v, %v", cfg, err)
	}
	b, err := client.PolicyV1().PodDisruptionBudgets(namespace).Get(t.Context(), "prometheus-alert-readiness", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector); err != nil || b.Spec.MaxUnavailable.IntValue() != 1 || selector.String() != metav1.FormatLabelSelector(d.Spec.Selector) {
		t.Errorf("budget %+v, %v", b.Spec, err)
	}
}

// kubeconfig is a file for kubectl.
func kubeconfig(t *testing.T, c *rest.Config, namespace string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(clientcmdapi.Config{
		CurrentContext: "c", Contexts: map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "c", Namespace: namespace}},
		Clusters: map[string]*clientcmdapi.Cluster{"c": {Server: c.Host, CertificateAuthorityData: c.CAData, CertificateAuthority: c.CAFile}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"c": {
			ClientCertificateData: c.CertData, ClientCertificate: c.CertFile, ClientKeyData: c.KeyData, ClientKey: c.KeyFile, Token: c.BearerToken,
		}},
	}, file); err != nil {
		t.Fatal(err)
	}
	return file
}
