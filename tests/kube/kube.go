// Package kube gives tests a real Kubernetes API: the cluster of QUENCH_TEST_KUBECONFIG, or else one control plane a
// test process (see knative/controlplane), which has controllers and no kubelet. A package that uses it says
//
//	func TestMain(m *testing.M) { kube.Main(m) }
//
// so that the control plane ends in good order; without, it ends by itself once the test process has. Where there is
// neither a cluster nor the binary a test fails and says how to build it: it is never skipped.
package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/knative/controlplane"
)

// Variable names the environment variable with the kubeconfig of a cluster to use instead of starting one.
const Variable = "QUENCH_TEST_KUBECONFIG"

// shared is the control plane of this test process.
var shared struct {
	once   sync.Once
	plane  *controlplane.ControlPlane
	config *rest.Config
	err    error
}

// Start returns the configuration of an administrator of the tests' cluster, which the first call of the process
// starts, and all others share. The caller may change what it gets. Tests keep apart by namespaces (see Namespace).
func Start(tb testing.TB) *rest.Config {
	tb.Helper()
	shared.once.Do(func() { shared.config, shared.err = connect() })
	if shared.err != nil {
		tb.Fatalf("no Kubernetes to test with: %v", shared.err)
	}
	if shared.plane != nil && shared.plane.Err() != nil {
		tb.Fatalf("the Kubernetes of these tests has ended: %v", shared.plane.Err())
	}
	return rest.CopyConfig(shared.config)
}

// Missing is why Start would find no Kubernetes; nil where there is something to start or to use.
func Missing() error {
	if os.Getenv(Variable) != "" {
		return nil
	}
	_, err := findBinary()
	return err
}

// Main runs the tests, ends the control plane that they started, and exits with their code.
func Main(m *testing.M) {
	code := m.Run()
	if shared.plane != nil {
		if err := shared.plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func connect() (*rest.Config, error) {
	kubeconfig := os.Getenv(Variable)
	if kubeconfig == "" {
		binary, err := findBinary()
		if err != nil {
			return nil, err
		}
		plane, err := controlplane.Start(context.Background(), controlplane.Options{Binary: binary})
		if err != nil {
			return nil, err
		}
		shared.plane = plane
		kubeconfig = plane.Kubeconfig()
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 200, 400
	return config, nil
}

// Binary is the path of the quench-controlplane that Start would start, for tests that start their own.
func Binary(tb testing.TB) string {
	tb.Helper()
	path, err := findBinary()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// findBinary looks where the program itself does, and then where `make controlplane` puts it.
func findBinary() (string, error) {
	path, err := controlplane.Find()
	if !errors.Is(err, controlplane.ErrNotFound) {
		return path, err
	}
	root, rootErr := moduleRoot()
	if rootErr != nil {
		return "", errors.Join(err, rootErr)
	}
	built := root + "/.build/quench-controlplane"
	if _, statErr := os.Stat(built); statErr != nil {
		return "", fmt.Errorf("%w, nor at %s: run `make controlplane`, or set %s to a cluster's kubeconfig", err, built, Variable)
	}
	return built, nil
}
