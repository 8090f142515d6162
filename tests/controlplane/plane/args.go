package plane

import (
	"path/filepath"
	"strconv"
	"strings"
)

// etcd speaks over sockets in the data folder, which only its owner can open, so that it needs neither ports nor
// certificates. The names are relative, to the folder that the components run in, because the length of a socket's
// path is bounded. The port is part of the file's name and of no meaning, but etcd demands one.
const (
	etcdSocket = "unix://etcd.sock:0"
	etcdPeer   = "unix://etcd-peer.sock:0"
)

// serviceCIDR is the range of Service addresses.
const serviceCIDR = "10.96.0.0/16"

// controllers that work without nodes. Those about nodes are left out on purpose: they would evict or remove the Pods
// that a test binds to a node of its own making.
var controllers = []string{
	"clusterrole-aggregation-controller",
	"cronjob-controller",
	"daemonset-controller",
	"deployment-controller",
	"disruption-controller",
	"endpoints-controller",
	"endpointslice-controller",
	"garbage-collector-controller",
	"job-controller",
	"namespace-controller",
	"replicaset-controller",
	"replicationcontroller-controller",
	"resourcequota-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"statefulset-controller",
	"ttl-after-finished-controller",
	"validatingadmissionpolicy-status-controller",
}

func etcdArgs(temporary bool) []string {
	args := []string{
		"--name=quench",
		"--data-dir=etcd",
		"--listen-client-urls=" + etcdSocket,
		"--advertise-client-urls=" + etcdSocket,
		"--listen-peer-urls=" + etcdPeer,
		"--initial-advertise-peer-urls=" + etcdPeer,
		"--initial-cluster=quench=" + etcdPeer,
		"--log-level=warn",
		// A member that is alone need not wait a second to hear from others before it leads.
		"--heartbeat-interval=20",
		"--election-timeout=200",
	}
	if temporary {
		args = append(args, "--unsafe-no-fsync")
	}
	return args
}

func apiServerArgs(address string, port int) []string {
	return []string{
		"--etcd-servers=" + etcdSocket,
		"--bind-address=" + address,
		"--advertise-address=" + address,
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + filepath.Join(pkiDir, certFile),
		"--tls-private-key-file=" + filepath.Join(pkiDir, keyFile),
		"--token-auth-file=" + tokenFile,
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		"--service-cluster-ip-range=" + serviceCIDR,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + filepath.Join(pkiDir, accountKeyFile),
		"--service-account-signing-key-file=" + filepath.Join(pkiDir, accountKeyFile),
		"--endpoint-reconciler-type=none", // nobody reaches it by its Service
		"--profiling=false",
	}
}

func controllerManagerArgs() []string {
	return []string{
		"--kubeconfig=" + kubeconfigFile,
		"--controllers=" + strings.Join(controllers, ","),
		"--root-ca-file=" + filepath.Join(pkiDir, caFile),
		"--service-account-private-key-file=" + filepath.Join(pkiDir, accountKeyFile),
		"--leader-elect=false",
		"--secure-port=0", // no port to race for; that it works is seen by its work
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		"--profiling=false",
	}
}
