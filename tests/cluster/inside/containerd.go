package inside

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// PauseImage holds a pod's namespaces.
const PauseImage = "dev.local/pause:1"

const containerdSocket = "/run/containerd/containerd.sock"

// registries is where containerd looks up how to ask a registry.
const registries = runDir + "/registries"

// The kernel lets a process make itself more likely to be killed for memory, not less, where a capability lacks.
const containerdConfig = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + PauseImage + `"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "` + registries + `"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "` + runDir + `/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`

// Each pod has a link of its own to the node and all goes by routes: packets between two pods pass the packet filter
// also where the kernel does not filter what a bridge passes on.
const cniConfig = `{
  "cniVersion": "0.4.0", "name": "quench", "plugins": [
    {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "` + runDir + `/cni/addresses",
      "ranges": [[{"subnet": "` + podCIDR + `"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`

func (n *node) containerd(ctx context.Context, registryPort int) error {
	config := filepath.Join(runDir, "containerd.toml")
	files := map[string]string{config: containerdConfig, runDir + "/cni/10-quench.conflist": cniConfig}
	// The cluster's own registry has no TLS, whichever of its addresses an image is named by.
	for _, host := range []string{"127.0.0.1", nodeIP} {
		address := fmt.Sprintf("%s:%d", host, registryPort)
		files[filepath.Join(registries, address, "hosts.toml")] = fmt.Sprintf("[host.\"http://%s\"]\n", address)
	}
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := n.start("containerd", "/usr/bin/containerd", "--config", config); err != nil {
		return err
	}
	err := n.await(ctx, "containerd", func(ctx context.Context) error { return ctr(ctx, "version") })
	if err != nil {
		return err
	}
	return ctr(ctx, "images", "import", filepath.Join(cacheDir, "pause.tar"))
}

// ctr runs containerd's client in the namespace of Kubernetes.
func ctr(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "/usr/bin/ctr", append([]string{"-n", "k8s.io"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ctr %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}
