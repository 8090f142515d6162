package inside

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quench-dev/quench/tests/controlplane/plane"

	nodes "github.com/quench-dev/quench/tests/cluster/node"
)

const kubeconfig = runDir + "/" + PlaneDir + "/kubeconfig"

// kubeletConfig: nobody but the API server can reach the kubelet, so that it asks for no credentials; a disk that is
// nearly full is none of its business.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
cgroupDriver: cgroupfs
cgroupRoot: /GROUP
failCgroupV1: false
failSwapOn: false
clusterDNS: [` + clusterDNS + `]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://` + containerdSocket + `
podLogsDir: /var/log/pods
resolvConf: ` + runDir + `/resolv.conf
maxPods: 200
syncFrequency: 10s # changed Secrets and ConfigMaps reach pods six times as soon
serializeImagePulls: false
nodeStatusUpdateFrequency: 4s
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: { memory.available: 100Mi, nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%", imagefs.inodesFree: "0%" }
`

func (n *node) kubelet(group string) error {
	config := filepath.Join(runDir, "kubelet.yaml")
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(kubeletConfig, "GROUP", group)), 0o644); err != nil {
		return err
	}
	return n.self(nodes.Kubelet, "--config="+config, "--kubeconfig="+kubeconfig,
		"--hostname-override="+nodeName, "--node-ip="+nodeIP)
}

func (n *node) proxy() error {
	// The kernel's limits on connections are the machine's and stay as they are.
	return n.self(nodes.Proxy, "--kubeconfig="+kubeconfig, "--hostname-override="+nodeName, "--cluster-cidr="+podCIDR,
		"--proxy-mode=iptables", "--iptables-min-sync-period=100ms", "--conntrack-max-per-core=0",
		"--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0")
}

func (n *node) scheduler() error {
	return n.self(nodes.Scheduler, "--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig, "--leader-elect=false")
}

// self starts a component that is compiled into this binary.
func (n *node) self(name string, args ...string) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	return n.start(name, executable, args...)
}

// registry is a plain one: no TLS, no passwords. The machine reaches it on loopback, as the node does; pods reach it at
// the node's address.
func (n *node) registry(port int) error {
	config := fmt.Sprintf("version: 0.1\nlog: { level: warn }\nstorage: { filesystem: { rootdirectory: %s/registry }, "+
		"delete: { enabled: true } }\nhttp: { addr: \":%s\" }\n", runDir, strconv.Itoa(port))
	path := filepath.Join(runDir, "registry.yaml")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return err
	}
	return n.start("registry", "/usr/bin/docker-registry", "serve", path)
}

// awaitNode waits until pods can be scheduled.
func (n *node) awaitNode(ctx context.Context, control *plane.Plane) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	return n.await(ctx, "node to be ready", func(ctx context.Context) error {
		if err := control.Err(); err != nil {
			return err
		}
		kubectl := exec.CommandContext(ctx, executable, "--kubeconfig="+kubeconfig, "get", "node", nodeName,
			"-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}{.status.conditions[?(@.type=="Ready")].message}`)
		kubectl.Args[0] = "kubectl"
		out, err := kubectl.CombinedOutput()
		if err == nil && !strings.HasPrefix(string(out), "True") {
			err = errors.New("not ready")
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
		}
		return nil
	})
}
