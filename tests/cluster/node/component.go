// Package node is the Kubernetes of a node that is compiled into the cluster's binary: kubelet, kube-proxy and
// kube-scheduler, each as its own main would run it.
package node

import (
	"context"
	"os"
	"path/filepath"

	"k8s.io/component-base/cli"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// Metrics of client-go and of the work queues, as every component's own main has them.
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// Names that the cluster's binary is executed under to become one of them.
const (
	Kubelet   = "kubelet"
	Proxy     = "kube-proxy"
	Scheduler = "kube-scheduler"
)

// Run becomes the component that the base name of args[0] names, and ends the process with it. It returns, having done
// nothing, when args[0] names none of them.
func Run(args []string) {
	switch filepath.Base(args[0]) {
	case Kubelet:
		os.Exit(cli.Run(kubelet.NewKubeletCommand(context.Background())))
	case Proxy:
		os.Exit(cli.Run(proxy.NewProxyCommand()))
	case Scheduler:
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	}
}
