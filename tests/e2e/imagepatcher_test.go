//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const released = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: NAME, namespace: NAMESPACE }
spec:
  selector: { matchLabels: { app: NAME } }
  template:
    metadata: { labels: { app: NAME } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: app
          image: IMAGE
`

// A release names an image that the cluster's registry does not have. kube-state-metrics and Prometheus tell of the pod
// that cannot pull it, image-patcher asks the registry and sets the last image that the Deployment ran, and its pods run.
// Where there never was another one it says so and changes nothing.
func TestImageThatIsNotThereIsReplacedByTheLastGoodOne(t *testing.T) {
	if !own() {
		t.Skip("the registry is the one of the cluster on this machine")
	}
	namespace := fmt.Sprintf("images-%d", time.Now().UnixNano())
	openImages(t, namespace)
	pushed, pulled := ownRegistry(t)
	for _, tag := range []string{"1.0.0", "2.0.0"} { // the later one never ran
		push(t, pushed+"/team/frontend:"+tag)
	}
	push(t, pushed+"/team/other:1.0.0")

	images := map[string]string{"front-end": pulled + "/team/frontend:1.0.1", "new": pulled + "/team/other:0.9.0"}
	apply := func(app, image string) {
		must(t, strings.NewReplacer("NAMESPACE", namespace, "NAME", app, "IMAGE", image).Replace(released), "apply", "-f", "-")
	}
	imageOf := func(app string) string {
		return must(t, "", "get", "deployment", app, "-n", namespace, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	}
	good := pulled + "/team/frontend:1.0.0"
	apply("front-end", good)
	apply("new", images["new"])
	must(t, "", "rollout", "status", "deployment/front-end", "-n", namespace, "--timeout=60s")
	apply("front-end", images["front-end"])

	outcome := func(app, kind string) request {
		subject := "apps/v1/deployments/" + namespace + "/" + app
		return awaitRecorded(t, "outcomes", "the outcome about "+subject, func(r request) bool {
			return r.attribute("type") == kind && r.attribute("subject") == subject && r.attribute("action") == "image-patcher"
		})
	}
	patched := outcome("front-end", "dev.quench.action.succeeded")
	if got := patched.attribute("alertname"); got != "KubeImagePull" {
		t.Errorf("the outcome is about the alert %q: %s", got, patched.Body)
	}
	must(t, "", "rollout", "status", "deployment/front-end", "-n", namespace, "--timeout=60s")
	if got := imageOf("front-end"); got != good {
		t.Errorf("the image is %s, want %s", got, good)
	}
	eventually(t, time.Minute, "one pod that runs", func(ctx context.Context) error {
		pods, err := cluster.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=front-end"})
		if err == nil && (len(pods.Items) != 1 || pods.Items[0].Status.Phase != corev1.PodRunning) {
			err = fmt.Errorf("there are %d", len(pods.Items))
		}
		return err
	})

	skipped := outcome("new", "dev.quench.action.skipped")
	for _, says := range []string{"NoCandidate", images["new"] + " (not in the registry"} {
		if !strings.Contains(string(skipped.Body), says) {
			t.Errorf("the outcome does not say %q: %s", says, skipped.Body)
		}
	}
	if got := imageOf("new"); got != images["new"] {
		t.Errorf("the image is %s, want it as it was", got)
	}
}

// openImages makes the namespace, and lets image-patcher act in it as the sample has it.
func openImages(t *testing.T, namespace string) {
	t.Helper()
	sample, err := os.ReadFile(filepath.Join(root, "knative/samples/site/images-in-shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	must(t, "", "create", "namespace", namespace)
	t.Cleanup(func() {
		if err := cluster.client.CoreV1().Namespaces().Delete(context.Background(), namespace, metav1.DeleteOptions{}); err != nil {
			t.Logf("delete namespace: %v", err)
		}
	})
	must(t, strings.ReplaceAll(string(sample), "namespace: shop\n", "namespace: "+namespace+"\n"), "apply", "-f", "-")
}

// ownRegistry is the cluster's registry: where this machine pushes to, which quench's own image was pushed to, and where
// the node and pods find the same.
func ownRegistry(t *testing.T) (pushed, pulled string) {
	t.Helper()
	pushed, _, _ = strings.Cut(image, "/")
	_, port, err := net.SplitHostPort(pushed)
	if err != nil {
		t.Fatalf("quench's image %s is in no registry: %v", image, err)
	}
	node := must(t, "", "get", "nodes", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)
	return pushed, net.JoinHostPort(node, port)
}

// push pushes an image that runs and does nothing.
func push(t *testing.T, as string) {
	t.Helper()
	program, err := os.ReadFile(filepath.Join(world.Artefacts, "nothing"))
	if err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	err = w.WriteHeader(&tar.Header{Name: "nothing", Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(program)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	contents, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	built, err := mutate.AppendLayers(empty.Image, contents)
	if err != nil {
		t.Fatal(err)
	}
	config, err := built.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", runtime.GOARCH, v1.Config{Entrypoint: []string{"/nothing"}}
	if built, err = mutate.ConfigFile(built, config); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(as)
	if err == nil {
		err = remote.Write(ref, built)
	}
	if err != nil {
		t.Fatalf("push %s: %v", as, err)
	}
}
