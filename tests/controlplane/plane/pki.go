package plane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Names in the folder of certificates.
const (
	caFile         = "ca.crt"
	certFile       = "apiserver.crt"
	keyFile        = "apiserver.key"
	accountKeyFile = "service-account.key"
)

// apiServerIP is the first address of serviceCIDR, the API server's own.
var apiServerIP = net.IPv4(10, 96, 0, 1)

// How long a certificate is valid, and how long it must still be to be used again.
const (
	validFor  = 10 * 365 * 24 * time.Hour
	validLeft = 30 * 24 * time.Hour
)

// ensurePKI makes what is missing or no longer good: the API server's certificate and the one that it is verified with,
// and the key that service account tokens are signed with, which is kept for as long as the data is.
func ensurePKI(dir, address string) error {
	if _, err := os.Stat(filepath.Join(dir, accountKeyFile)); err != nil {
		key, err := newKey()
		if err != nil {
			return err
		}
		if err := writeKey(filepath.Join(dir, accountKeyFile), key); err != nil {
			return err
		}
	}
	if usable(dir, address) {
		return nil
	}
	return issue(dir, address)
}

// usable says whether the certificate that is there is good for the address.
func usable(dir, address string) bool {
	ca, err := os.ReadFile(filepath.Join(dir, caFile))
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		return false
	}
	text, err := os.ReadFile(filepath.Join(dir, certFile))
	if err != nil {
		return false
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return false
	}
	if _, err = os.Stat(filepath.Join(dir, keyFile)); err != nil {
		return false
	}
	_, err = cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: address, CurrentTime: time.Now().Add(validLeft)})
	return err == nil
}

// issue makes a CA, of which the key is forgotten, and the API server's certificate.
func issue(dir, address string) error {
	ip := net.ParseIP(address)
	if ip == nil {
		return fmt.Errorf("%q is not an IP address", address)
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: kubeconfigMark + "-ca"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validFor),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: APIServer},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{ip, net.IPv4(127, 0, 0, 1), net.IPv6loopback, apiServerIP},
		DNSNames: []string{
			"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local",
		},
	}
	caKey, err := newKey()
	if err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	return errors.Join(
		sign(filepath.Join(dir, caFile), ca, ca, caKey, caKey),
		sign(filepath.Join(dir, certFile), server, ca, key, caKey),
		writeKey(filepath.Join(dir, keyFile), key),
	)
}

func sign(path string, cert, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
	if err != nil {
		return fmt.Errorf("sign %s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
