package plane

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// kubeconfigMark is the name by which a kubeconfig is known as one that may be overwritten.
const kubeconfigMark = "quench-controlplane"

// ours says whether the file is a control plane's kubeconfig.
func ours(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && bytes.Contains(text, []byte("current-context: "+kubeconfigMark+"\n"))
}

// publishKubeconfig copies the kubeconfig to where the caller wants it.
func (p *Plane) publishKubeconfig() error {
	own := filepath.Join(p.opts.Dir, kubeconfigFile)
	if p.opts.Kubeconfig == own {
		return nil
	}
	text, err := os.ReadFile(own)
	if err == nil {
		err = replaceFile(p.opts.Kubeconfig, text)
	}
	if err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// writeKubeconfig writes the admin kubeconfig.
func writeKubeconfig(path, server, token string, ca []byte) error {
	return replaceFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: %[1]s
clusters:
- name: %[1]s
  cluster:
    server: %[2]s
    certificate-authority-data: %[3]s
contexts:
- name: %[1]s
  context:
    cluster: %[1]s
    user: %[1]s
users:
- name: %[1]s
  user:
    token: %[4]s
`, kubeconfigMark, server, base64.StdEncoding.EncodeToString(ca), token))
}

// replaceFile writes a file that only its owner can read, whole or not at all.
func replaceFile(path string, text []byte) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
