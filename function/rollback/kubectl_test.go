package rollback_test

import (
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/rollback"
)

// What is left behind is what kubectl rollout undo leaves behind, field by field: of the object, and of its history.
func TestUndoIsThatOfKubectl(t *testing.T) {
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet"} {
		t.Run(kind, func(t *testing.T) {
			ours, theirs := newWorld(t), newWorld(t)
			for _, w := range []*world{ours, theirs} {
				w.releases(t, kind, "web-front-end", "app:1", "app:2", "app:3")
			}
			ours.handle(t, ours.alert(map[string]string{"Deployment": "deployment", "StatefulSet": "statefulset", "DaemonSet": "daemonset"}[kind], "web-front-end")).
				Want(t, function.Succeeded, rollback.ReasonRolledBack)
			theirs.kubectl(t, "rollout", "undo", kind+"/web-front-end")

			var got, want state
			for w, s := range map[*world]*state{ours: &got, theirs: &want} {
				w.settled(t, kind, "web-front-end", "app:2")
				*s = w.wantImage(t, kind, "web-front-end", "app:2")
			}
			if !reflect.DeepEqual(got.spec, want.spec) {
				t.Errorf("spec is\n%v\nwant\n%v", got.spec, want.spec)
			}
			if !reflect.DeepEqual(others(got.annotations), want.annotations) {
				t.Errorf("annotations are\n%v\nwant\n%v", others(got.annotations), want.annotations)
			}
			if len(got.revisions) != len(want.revisions) {
				t.Fatalf("there are %d revisions, want %d", len(got.revisions), len(want.revisions))
			}
			for i, g := range got.revisions {
				h := want.revisions[i]
				if g.number != h.number || g.name != h.name || !reflect.DeepEqual(g.template, h.template) || !reflect.DeepEqual(others(g.annotations), h.annotations) {
					t.Errorf("revision is\n%+v\nwant\n%+v", g, h)
				}
			}
		})
	}
}

// kubectl is the real one, as administrator.
func (w *world) kubectl(t *testing.T, args ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(kubeconfig(w.Config, w.Namespace), file); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "../../.build/kubectl", append([]string{"--kubeconfig", file}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %v: %v: %s", args, err, out)
	}
}

func kubeconfig(c *rest.Config, namespace string) clientcmdapi.Config {
	k := clientcmdapi.NewConfig()
	k.Clusters["it"] = &clientcmdapi.Cluster{Server: c.Host, CertificateAuthority: c.CAFile, CertificateAuthorityData: c.CAData}
	k.AuthInfos["it"] = &clientcmdapi.AuthInfo{
		Token: c.BearerToken, ClientCertificate: c.CertFile, ClientCertificateData: c.CertData, ClientKey: c.KeyFile, ClientKeyData: c.KeyData,
	}
	k.Contexts["it"] = &clientcmdapi.Context{Cluster: "it", AuthInfo: "it", Namespace: namespace}
	k.CurrentContext = "it"
	return *k
}
