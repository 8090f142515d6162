package plane

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Names in the data folder.
const (
	lockFile       = "lock"
	tokenFile      = "tokens.csv"
	kubeconfigFile = "kubeconfig"
	pkiDir         = "pki"
)

// openDir makes the data folder, takes it for itself, and fills in the paths that follow from it.
func (p *Plane) openDir() (err error) {
	if p.opts.Dir == "" {
		if p.opts.Dir, err = os.MkdirTemp("", "quench-controlplane-"); err != nil {
			return fmt.Errorf("make temporary folder: %w", err)
		}
		p.temporary = true
	}
	// The components run in the data folder, so that no path may be relative to the caller's.
	for _, path := range []*string{&p.opts.Dir, &p.opts.Kubeconfig, &p.opts.LogDir} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return fmt.Errorf("resolve path: %w", err)
		}
	}
	if p.opts.Kubeconfig == "" {
		p.opts.Kubeconfig = filepath.Join(p.opts.Dir, kubeconfigFile)
	}
	if p.opts.LogDir == "" {
		p.opts.LogDir = filepath.Join(p.opts.Dir, "log")
	}
	for _, dir := range []string{p.opts.Dir, p.opts.LogDir, filepath.Join(p.opts.Dir, pkiDir)} {
		if err = os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
	}
	if p.unlock, err = lock(filepath.Join(p.opts.Dir, lockFile)); err != nil {
		return fmt.Errorf("lock data folder %s: %w", p.opts.Dir, err)
	}
	if _, err := os.Stat(p.opts.Kubeconfig); err == nil && !ours(p.opts.Kubeconfig) {
		return fmt.Errorf("write kubeconfig: %s exists and is not a control plane's", p.opts.Kubeconfig)
	}
	return nil
}

// lock takes an exclusive lock on the file until the returned function is called or the process ends.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another control plane uses it")
		}
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

// writeToken writes kube-apiserver's token file, with one token of a user who may do everything. It is a new one at
// each start.
func writeToken(path string) (token string, err error) {
	var random [24]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	token = hex.EncodeToString(random[:])
	return token, os.WriteFile(path, []byte(token+",quench-admin,quench-admin,system:masters\n"), 0o600)
}
