package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/quench-dev/quench/tests/kube"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"quench": main, "kubectl-quench": main, "kn-quench": main})
}

// Each script is a session at a terminal. The command "cluster" brings a namespace
// of its own on a real API server: $KUBECONFIG and $NAMESPACE; "archive" a real archive: $QUENCH_ARCHIVE; "sink" takes
// events, at $SINK, and tells of them.
func TestScripts(t *testing.T) {
	repo, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("REPO", repo+"/../../..")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cluster": func(ts *testscript.TestScript, _ bool, _ []string) {
				config := kube.Start(t)
				file := filepath.Join(ts.Getenv("WORK"), "kubeconfig")
				ts.Check(writeKubeconfig(config, file))
				ts.Setenv("KUBECONFIG", file)
				ts.Setenv("NAMESPACE", kube.Namespace(t, config))
			},
			"archive": serveArchive,
			"sink":    serveSink,
		},
		UpdateScripts: os.Getenv("UPDATE") != "",
	})
}

// writeKubeconfig writes a file that names the cluster and the user of a client.
func writeKubeconfig(c *rest.Config, file string) error {
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
	return clientcmd.WriteToFile(*k, file)
}
