//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/tests/e2e/setup"
)

// Namespaces.
const (
	quench     = "quench"
	monitoring = "monitoring"
	e2e        = "e2e"
	eventing   = "knative-eventing"
)

var remediations = schema.GroupVersionResource{Group: "quench.dev", Version: "v1alpha1", Resource: "remediations"}

// cluster is what the tests run on.
var cluster struct {
	kubeconfig string
	config     *rest.Config
	client     *kubernetes.Clientset
	dynamic    *dynamic.DynamicClient
}

const root = "../.."

// world is what is installed; the defaults are those of `make e2e`.
var world = setup.Cluster{
	Kubeconfig: setting("E2E_KUBECONFIG", filepath.Join(root, ".build/cluster/kubeconfig")),
	Program:    setting("E2E_KUBECTL", filepath.Join(root, ".build/kubectl")),
	Source:     ".",
	Artefacts:  setting("E2E_ARTEFACTS", filepath.Join(root, ".build/e2e")),
	Image:      os.Getenv("E2E_IMAGE"),
	Images:     setting("E2E_IMAGES", "dev.local/%s:e2e"),
}

var image, kubectlPath = world.Image, world.Program

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// own says whether the cluster is one that `make e2e` brought up, of which the parts can be killed.
func own() bool { return os.Getenv("E2E_KUBECONFIG") == "" }

func connect() (err error) {
	if world.Image == "" {
		return errors.New("E2E_IMAGE is to name quench's image on the cluster: `make e2e` builds it and runs these tests")
	}
	if cluster.kubeconfig, err = filepath.Abs(world.Kubeconfig); err != nil {
		return err
	}
	if cluster.config, err = clientcmd.BuildConfigFromFlags("", cluster.kubeconfig); err != nil {
		return fmt.Errorf("read kubeconfig (is the cluster up? `make e2e` starts one): %w", err)
	}
	cluster.config.QPS, cluster.config.Burst = 200, 400
	if cluster.client, err = kubernetes.NewForConfig(cluster.config); err != nil {
		return err
	}
	cluster.dynamic, err = dynamic.NewForConfig(cluster.config)
	return err
}

// kubectl runs kubectl as a user would.
func kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	return world.Kubectl(ctx, stdin, args...)
}

func withImages(text string) string { return world.WithImages(text) }

func siteFolder() (string, error) { return world.Site() }

// must runs kubectl and fails the test where that fails.
func must(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	out, err := kubectl(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eventually tries until there is no error, and fails the test with the last one when the time is over.
func eventually(t testing.TB, within time.Duration, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := await(ctx, try); err != nil {
		t.Fatalf("wait for %s: %v", what, err)
	}
}

// await tries until there is no error; it returns the last one when the context ends, but that it has ended.
func await(ctx context.Context, try func(context.Context) error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if deadline, ok := ctx.Deadline(); last == nil || !ok || time.Until(deadline) > time.Second {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}

// atZero is an error while the function has a pod.
func atZero(ctx context.Context, function string) error {
	list, err := cluster.client.CoreV1().Pods(quench).List(ctx, metav1.ListOptions{LabelSelector: "serving.knative.dev/service=" + function})
	if err == nil && len(list.Items) > 0 {
		err = fmt.Errorf("%s has %d pods", function, len(list.Items))
	}
	return err
}

// kill removes the pods at once, as a node that dies does.
func kill(t testing.TB, namespace, selector string) {
	t.Helper()
	now := int64(0)
	err := cluster.client.CoreV1().Pods(namespace).DeleteCollection(t.Context(),
		metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatalf("kill %s: %v", selector, err)
	}
}
