package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quench-dev/quench/function/cluster"
	"github.com/quench-dev/quench/function/record"
	"github.com/quench-dev/quench/knative/controlplane"
	"github.com/quench-dev/quench/knative/install"
	"github.com/quench-dev/quench/knative/standalone"
)

// target is the cluster that is acted on.
type target struct {
	client *cluster.Client
	told   standalone.Cluster
	plane  *controlplane.ControlPlane // nil for a cluster of one's own
}

// open takes the cluster that the flags name, or brings the embedded one.
func (f *runFlags) open(ctx context.Context, progress io.Writer) (*target, error) {
	t := &target{told: standalone.Cluster{Kubeconfig: f.kubeconfig, Kubectl: kubectl(os.Args[0]), DryRun: f.dryRun || (f.kubeconfig != "" && !f.act)}}
	if f.kubeconfig == "" {
		fmt.Fprintln(progress, "starting the embedded control plane: etcd, kube-apiserver, kube-controller-manager (some seconds)")
		plane, err := controlplane.Start(ctx, controlplane.Options{Dir: f.data})
		if err != nil {
			return nil, err
		}
		t.plane, t.told.Kubeconfig, t.told.Embedded = plane, plane.Kubeconfig(), true
	}
	if err := t.connect(ctx, f.namespace); err != nil {
		return nil, errors.Join(err, t.stop())
	}
	return t, nil
}

// kubectl is how to call it: where there is none on PATH, the one that is built beside the embedded control plane, and so
// beside own, quench's executable.
func kubectl(own string) string {
	if _, err := exec.LookPath("kubectl"); err != nil && filepath.Base(own) != own {
		beside := filepath.Join(filepath.Dir(own), "kubectl")
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return "kubectl"
}

func (t *target) connect(ctx context.Context, namespace string) error {
	config, err := clientcmd.BuildConfigFromFlags("", t.told.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig %s: %w", t.told.Kubeconfig, err)
	}
	if t.told.Embedded {
		if err := install.CRDs(ctx, config); err != nil {
			return err
		}
	}
	if t.client, err = cluster.Open(t.told.Kubeconfig, namespace); err != nil {
		return err
	}
	t.told.Server, t.told.Namespace = config.Host, t.client.Namespace()
	if t.told.DryRun {
		return nil
	}
	// A cluster that cannot keep records cannot be acted on: better said now than at the first alert.
	records, err := t.client.Resource(record.Resource, t.told.Namespace)
	if err != nil {
		return err
	}
	_, err = records.List(ctx, metav1.ListOptions{Limit: 1})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s has no place for records: kubectl apply -f knative/base/remediations.yaml", t.told.Server)
	case err != nil:
		return fmt.Errorf("list records in namespace %s of %s: %w", t.told.Namespace, t.told.Server, err)
	}
	return nil
}

// gone is closed when an embedded control plane has ended; nil, which never is,
// for a cluster of one's own.
func (t *target) gone() <-chan struct{} {
	if t.plane == nil {
		return nil
	}
	return t.plane.Done()
}

func (t *target) stop() error {
	if t.plane == nil {
		return nil
	}
	return errors.Join(t.plane.Err(), t.plane.Stop())
}
