package source_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/quench-dev/quench/knative/trigger/source"
	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) { kube.Main(m) }

// kubeconfig writes a file that names the cluster and the user of a client.
func kubeconfig(t *testing.T, c *rest.Config) string {
	t.Helper()
	k := clientcmdapi.NewConfig()
	k.Clusters["tests"] = &clientcmdapi.Cluster{
		Server: c.Host, CertificateAuthority: c.CAFile, CertificateAuthorityData: c.CAData, InsecureSkipTLSVerify: c.Insecure,
	}
	k.AuthInfos["tests"] = &clientcmdapi.AuthInfo{
		ClientCertificate: c.CertFile, ClientCertificateData: c.CertData, ClientKey: c.KeyFile, ClientKeyData: c.KeyData,
		Token: c.BearerToken, TokenFile: c.BearerTokenFile,
	}
	k.Contexts["tests"] = &clientcmdapi.Context{Cluster: "tests", AuthInfo: "tests"}
	k.CurrentContext = "tests"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*k, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// installKnative brings Knative's own definitions of Triggers and Brokers, as the module that is built against has them.
func installKnative(t *testing.T, config *rest.Config) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "knative.dev/eventing").Output()
	if err != nil {
		t.Fatalf("find Knative's module: %v", err)
	}
	for _, name := range []string{"trigger.yaml", "broker.yaml"} {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "config/core/resources", name))
		if err != nil {
			t.Fatal(err)
		}
		kube.Apply(t, config, text)
	}
}

func TestOpenCluster(t *testing.T) {
	config := kube.Start(t)
	installKnative(t, config)
	here, there := kube.Namespace(t, config), kube.Namespace(t, config)
	for _, namespace := range []string{here, there} {
		in := "metadata: { namespace: " + namespace + ", name:"
		kube.Apply(t, config, []byte(strings.Replace(trigger, "metadata: { name:", in, 1)+
			"---\napiVersion: eventing.knative.dev/v1\nkind: Broker\n"+in+" default }\n"+
			"---\napiVersion: v1\nkind: Service\n"+in+" rollback }\nspec: { ports: [{ port: 80 }] }\n"))
	}
	file := kubeconfig(t, config)

	open := func(o source.Options) *source.Set {
		t.Helper()
		o.Cluster, o.Kubeconfig = true, file
		set, err := source.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	if got := told(open(source.Options{Namespace: here}).Objects, ""); got != "Trigger/rollback@cluster" {
		t.Errorf("in one namespace: %s", got)
	}
	var namespaces []string
	for _, o := range open(source.Options{}).Objects {
		namespaces = append(namespaces, o.GetNamespace())
		if !o.Cluster || o.Line != 0 {
			t.Errorf("%s does not say that it is a cluster's", o.GetName())
		}
	}
	if all := strings.Join(namespaces, " "); !strings.Contains(all, here) || !strings.Contains(all, there) {
		t.Errorf("in all namespaces: %s", all)
	}
	// There is no Knative Serving here, which is no error.
	set := open(source.Options{Namespace: there, Also: source.Surroundings})
	if got := told(set.Objects, ""); got != "Trigger/rollback@cluster Broker/default@cluster Service/rollback@cluster" {
		t.Errorf("with what is around: %s", got)
	}
	if got := len(set.Kind("", "Service")); got != 1 {
		t.Errorf("%d Services, want one", got)
	}
}

func TestOpenClusterSaysWhatIsRefused(t *testing.T) {
	config := kube.Start(t)
	nobody := rest.AnonymousClientConfig(config)
	_, err := source.Open(t.Context(), source.Options{Cluster: true, Kubeconfig: kubeconfig(t, nobody), Namespace: "shop"})
	if err == nil || !strings.Contains(err.Error(), "list triggers.eventing.knative.dev in namespace shop of the cluster: ") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Open(ctx, source.Options{Cluster: true, Kubeconfig: kubeconfig(t, config)}); err == nil {
		t.Error("a context that has ended is no error")
	}
}
