package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const serviceAccount = "/run/secrets/kubernetes.io/serviceaccount" // /var/run is a link

// inPod lets the programs that the calling goroutine starts find a pod's service account, of a cluster that is not there;
// they need the variables that it answers, too. It wants root: the files are in a mount namespace, which nobody else is in.
// The goroutine keeps its thread.
func inPod() (env []string, err error) {
	runtime.LockOSThread()
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return nil, fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("keep mounts private: %w", err)
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "size=1m"); err != nil {
		return nil, fmt.Errorf("mount /run: %w", err)
	}
	authority, err := certificate()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(serviceAccount, 0o755); err != nil {
		return nil, err
	}
	for name, text := range map[string][]byte{"ca.crt": authority, "token": []byte(rand.Text()), "namespace": []byte("quench")} {
		if err := os.WriteFile(filepath.Join(serviceAccount, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	return []string{"KUBERNETES_SERVICE_HOST=127.0.0.1", "KUBERNETES_SERVICE_PORT=1"}, nil
}

func certificate() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}
