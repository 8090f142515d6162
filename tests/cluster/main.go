// quench-cluster is a real Kubernetes with Knative Serving and Eventing on one bare Debian machine, for tests: etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy and kubectl are compiled into this one
// binary; containerd, runc, the CNI plugins and a plain registry are Debian's; Knative, Traefik (its ingress), CoreDNS and
// kube-state-metrics are built from their Go modules. See its help for the commands.
package main

import (
	"os"

	"github.com/quench-dev/quench/tests/controlplane/component"
	"github.com/quench-dev/quench/tests/controlplane/plane"

	"github.com/quench-dev/quench/tests/cluster/inside"
	"github.com/quench-dev/quench/tests/cluster/node"
	"github.com/quench-dev/quench/tests/cluster/sandbox"
)

func main() {
	sandbox.Run(os.Args)
	plane.Lifeline()
	component.Run(os.Args)
	node.Run(os.Args)
	inside.Run(os.Args)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
