package note_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/note"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// kubectl describe, the real one, shows what was done; telling it again adds nothing.
func TestDescribeShowsWhatWasDone(t *testing.T) {
	w := functiontest.New(t)
	kube.Apply(t, w.Config, []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: "+w.Namespace+"}\n"))
	client := kubernetes.NewForConfigOrDie(w.Config)
	o, err := client.CoreV1().ConfigMaps(w.Namespace).Get(t.Context(), "settings", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := function.Note{
		Object:   function.Object{APIVersion: "v1", Kind: "ConfigMap", Namespace: w.Namespace, Name: "settings", UID: string(o.UID)},
		Function: "rollback", EventID: "0123", Reason: "RolledBack", Message: "rolled back to revision 3 (alert KubePodNotReady)",
		Time: time.Now(),
	}
	events := &note.Events{Client: w.Client}
	for range 2 {
		if err := events.Note(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	n.EventID, n.Warning, n.Reason, n.Message = "4567", true, "Forbidden", strings.Repeat("no, ", 1000)
	if err := events.Note(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	list, err := client.CoreV1().Events(w.Namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=settings"})
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("%d events, %v; want 2", len(list.Items), err)
	}
	said := describe(t, w)
	for _, want := range []string{"Normal   RolledBack", "Warning  Forbidden", "quench-rollback", "rolled back to revision 3 (alert KubePodNotReady)", "n…"} {
		if !strings.Contains(said, want) {
			t.Errorf("kubectl describe does not say %q:\n%s", want, said)
		}
	}
}

func describe(t *testing.T, w *functiontest.World) string {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: w.Config.Host, CertificateAuthority: w.Config.CAFile, CertificateAuthorityData: w.Config.CAData}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{
		Token: w.Config.BearerToken, ClientCertificate: w.Config.CertFile, ClientCertificateData: w.Config.CertData,
		ClientKey: w.Config.KeyFile, ClientKeyData: w.Config.KeyData,
	}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	kubectl := filepath.Join(filepath.Dir(kube.Binary(t)), "kubectl")
	out, err := exec.CommandContext(t.Context(), kubectl, "--kubeconfig="+kubeconfig, "describe", "configmap", "settings", "-n", w.Namespace).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl describe: %v\n%s", err, out)
	}
	return string(out)
}
