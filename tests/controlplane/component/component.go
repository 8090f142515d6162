// Package component is the Kubernetes that is compiled into the control plane's binary: etcd, kube-apiserver and
// kube-controller-manager, each as its own main would run it, and kubectl. Importing it costs minutes of compile time and about
// a hundred megabytes of binary; the package plane, which starts them, does not import it.
package component

import (
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"

	"github.com/quench-dev/quench/tests/controlplane/plane"
)

// Kubectl is the name that the binary is executed under to be kubectl.
const Kubectl = "kubectl"

// Run becomes the component that the base name of args[0] names, and ends the process with it. It returns, having
// done nothing, when args[0] names none of them.
func Run(args []string) {
	switch filepath.Base(args[0]) {
	case plane.Etcd:
		etcdmain.Main(args)
		os.Exit(0)
	case plane.APIServer:
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case plane.ControllerManager:
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case Kubectl:
		if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
			util.CheckErr(err) // prints it as kubectl does, and exits
		}
		os.Exit(0)
	}
}
