// Package remedytest tests remedies behind all the guards that they will have.
//
// It uses a real kube-apiserver with its controllers where there is one: the cluster
// of QUENCH_TEST_KUBECONFIG, or quench's control plane, which `make controlplane` in
// quench's repository builds and QUENCH_CONTROLPLANE, or PATH, names. Where there
// is none it uses client-go's fake, and says so. The fake keeps objects and patches
// them; it validates nothing, sets no defaults, has no controllers and no rights, and
// takes a change of an object that has changed meanwhile.
//
// A package that uses it says
//
//	func TestMain(m *testing.M) { remedytest.Main(m) }
package remedytest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/config"
	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/function/remedy"
	"github.com/quench-dev/quench/function/wiring"
	"github.com/quench-dev/quench/tests/kube" //nolint:depguard // imported by tests alone
)

// World is a namespace of the test's own, with the adapter's key.
type World struct {
	Namespace string
	Client    *cluster.Client
	Clock     *functiontest.Clock
	Real      bool // whether there is a kube-apiserver behind it

	key *alert.SigningKey
}

// Main runs the tests, ends the control plane that they started, and exits with
// their code.
func Main(m *testing.M) { kube.Main(m) }

// New makes a World.
func New(tb testing.TB) *World {
	tb.Helper()
	if err := kube.Missing(); err != nil {
		tb.Logf("with client-go's fake in the place of an API server: %v", err)
		return of(tb, &functiontest.World{Namespace: "test", Client: cluster.Of(fake(), "test"), Clock: &functiontest.Clock{}})
	}
	return of(tb, functiontest.New(tb))
}

func of(tb testing.TB, w *functiontest.World) *World {
	tb.Helper()
	key, err := alert.NewSigningKey()
	if err != nil {
		tb.Fatal(err)
	}
	return &World{Namespace: w.Namespace, Client: w.Client, Clock: w.Clock, Real: w.Config != nil, key: key}
}

// Function is the remedy behind all guards, as a process of its own: it believes
// what the world's adapter signed, and is under a policy, as YAML; an empty one
// allows all but what is protected always.
func (w *World) Function(tb testing.TB, r remedy.Remedy, policy string) *remedy.Function {
	tb.Helper()
	a, err := remedy.Action(r, w.Client, "")
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := w.key.Verifier("", time.Now()).PEM()
	if err != nil {
		tb.Fatal(err)
	}
	if policy == "" {
		policy = "{}"
	}
	c := config.Function{
		VerifyKeysFile: w.file(tb, "keys.pem", keys), PolicyFile: w.file(tb, "policy.yaml", []byte(policy)),
		LockDuration: config.Duration(30 * time.Second), ApplyTimeout: config.Duration(30 * time.Second),
		MaxEventAge: config.Duration(time.Hour), RecordTTL: config.Duration(720 * time.Hour),
	}
	f, err := wiring.Function(a, c, wiring.Parts{Client: w.Client, Now: w.Clock.Now}, zerolog.New(zerolog.NewTestWriter(tb)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { // what it tells in the background ends before the test does
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := f.Stop(ctx); err != nil {
			tb.Error(err)
		}
	})
	return f
}

func (w *World) file(tb testing.TB, name string, text []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Alert fires since now, with these labels, name and value by turns, and the label
// namespace.
func (w *World) Alert(labels ...string) *alert.Alert {
	all := map[string]string{"namespace": w.Namespace}
	for i := 0; i+1 < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	a := functiontest.Alert(all)
	a.StartsAt = w.Clock.Now().UTC()
	return a
}

// Get reads an object of the namespace, or a Node.
func (w *World) Get(tb testing.TB, kind remedy.Kind, name string) *unstructured.Unstructured {
	tb.Helper()
	version := "v1"
	switch kind {
	case remedy.Deployment, remedy.StatefulSet, remedy.DaemonSet:
		version = "apps/v1"
	case remedy.Job, remedy.CronJob:
		version = "batch/v1"
	}
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(version)
	o.SetKind(string(kind))
	if kind != remedy.Node {
		o.SetNamespace(w.Namespace)
	}
	objects, err := w.resource(o)
	if err != nil {
		tb.Fatal(err)
	}
	found, err := objects.Get(tb.Context(), name, metav1.GetOptions{})
	if err != nil {
		tb.Fatal(fmt.Errorf("get %s %s: %w", kind, name, err))
	}
	return found
}
