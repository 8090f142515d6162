//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// uninstallLimit bounds how long it takes until nothing is left: the adapter's pod alone may take its 120 s, and kubectl
// waits for one object after the other.
const uninstallLimit = 8 * time.Minute

// The last of the tests, as go test runs files by name: kubectl delete -k takes away all that kubectl apply -k put there,
// and what came of it. Then quench is installed again, and works.
func TestUninstallLeavesNothing(t *testing.T) {
	keepLogs(t)
	site, err := siteFolder()
	if err != nil {
		t.Fatal(err)
	}
	before, err := ofQuench(t.Context())
	if err != nil || len(before) < 20 {
		t.Fatalf("of what is installed, only %q is found (%v)", before, err)
	}

	// The adapter's pod takes its time: it goes when no more requests come.
	started := time.Now()
	// Some objects go with the namespace before kubectl comes to them.
	must(t, "", "delete", "-k", site, "--ignore-not-found", "--timeout="+uninstallLimit.String())
	eventually(t, uninstallLimit-time.Since(started), "everything of quench's to be gone", func(ctx context.Context) error {
		left, err := ofQuench(ctx)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("still there: %q", left)
		}
		return err
	})
	t.Logf("uninstalled in %.0f s", time.Since(started).Seconds())

	ctx, cancel := context.WithTimeout(t.Context(), installLimit)
	defer cancel()
	if err := world.Install(ctx, teller()); err != nil {
		t.Fatalf("install quench again: %v", err)
	}
	labels := unique(t)
	fire(t, posted{Labels: labels})
	eventually(t, 2*time.Minute, "a Job of the quench that was installed again", func(ctx context.Context) error {
		return oneJob(ctx, fingerprint(labels))
	})
}

// keepLogs writes down what every part logged, because after this test nobody can for a test that failed before.
func keepLogs(t testing.TB) {
	t.Helper()
	folder, err := dump(t.Context())
	if err != nil {
		t.Logf("keep logs: %v", err)
	}
	kept := filepath.Join(filepath.Dir(folder), "before-uninstall")
	if err := errors.Join(os.RemoveAll(kept), os.Rename(folder, kept)); err != nil {
		t.Fatal(err)
	}
	t.Logf("what every part logged before is in %s", kept)
}

// ofQuench are the objects of any kind that are quench's by their label, their API or their name.
func ofQuench(ctx context.Context) (left []string, err error) {
	lists, err := discovery.ServerPreferredResources(cluster.client.Discovery())
	if err != nil {
		return nil, fmt.Errorf("ask which APIs there are: %w", err)
	}
	config := rest.CopyConfig(cluster.config)
	config.WarningHandler = rest.NoWarnings{} // some of them are old
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		if gv.Group == "quench.dev" {
			left = append(left, "the API "+list.GroupVersion)
		}
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") {
				continue
			}
			labelled, err := objects.Resource(gv.WithResource(resource.Name)).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/part-of=quench"})
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", resource.Name, err)
			}
			for _, object := range labelled.Items {
				left = append(left, object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName())
			}
		}
	}
	for name, kind := range map[string]string{
		quench: "namespace", "remediations.quench.dev": "crd", "quench-job-runner": "clusterrole", "quench-rollback": "clusterrole",
		"quench-image-patcher": "clusterrole", "quench-image-patcher-pull-secrets": "clusterrole",
		"quench-job-results": "clusterrole", "quench-job-results-source": "clusterrole",
		"quench-enricher": "clusterrole", "quench-enricher-nodes": "clusterrole",
	} {
		found, err := kubectl(ctx, "", "get", kind, name, "--ignore-not-found", "-o", "name")
		if err != nil {
			return nil, err
		}
		if found != "" {
			left = append(left, found)
		}
	}
	return left, nil
}
