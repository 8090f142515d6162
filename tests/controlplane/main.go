// quench-controlplane runs a real Kubernetes control plane on loopback: etcd, kube-apiserver and
// kube-controller-manager, compiled into this one binary, which starts itself once as each of them. There is no kubelet
// and no scheduler: a Job that is created stays as it is, and no container ever runs.
//
//	quench-controlplane [--data DIR] [--kubeconfig FILE] [--log DIR] [--stop-on-stdin-close]
//
// When the API server answers and the controllers work, it prints one line on standard output,
//
//	ready kubeconfig=PATH server=URL
//
// and runs until SIGTERM or SIGINT (or, if told so, the end of its standard input), when it stops the three in order
// and exits with 0. When one of them ends before or on its own it prints the end of that one's log, stops the others,
// and exits with 1. Killed with SIGKILL, it takes them with it, but leaves a temporary data folder behind.
//
// The API server tells its version only when built with it, and clients cannot parse an empty one:
//
//	go build -trimpath -ldflags "-s -w
//	  -X k8s.io/component-base/version.gitVersion=v1.35.4
//	  -X k8s.io/component-base/version.gitMajor=1
//	  -X k8s.io/component-base/version.gitMinor=35" -o quench-controlplane .
package main

import (
	"os"

	"github.com/quench-dev/quench/tests/controlplane/component"
	"github.com/quench-dev/quench/tests/controlplane/plane"
)

func main() {
	plane.Lifeline()
	component.Run(os.Args)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
