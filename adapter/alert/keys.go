package alert

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"
)

const (
	privateBlock = "PRIVATE KEY" // PKCS#8, as openssl genpkey writes it
	publicBlock  = "PUBLIC KEY"  // PKIX

	// Headers of a PUBLIC KEY block.
	headerOperator  = "Operator"
	headerPublished = "Published"
)

// SigningKey is a private Ed25519 key. It does not print itself.
type SigningKey struct{ private ed25519.PrivateKey }

// NewSigningKey makes a key.
func NewSigningKey() (*SigningKey, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return &SigningKey{private}, nil
}

// ParseSigningKey reads one PEM block PRIVATE KEY, in PKCS#8. Errors never hold
// anything of it.
func ParseSigningKey(text []byte) (*SigningKey, error) {
	blocks, err := decodePEM(text)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 || blocks[0].Type != privateBlock {
		return nil, errors.New("want one PEM block PRIVATE KEY, as quench keys new writes it")
	}
	key, err := x509.ParsePKCS8PrivateKey(blocks[0].Bytes)
	private, ok := key.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("want an Ed25519 key in PKCS#8, as quench keys new writes it")
	}
	return &SigningKey{private}, nil
}

// PEM is what ParseSigningKey reads.
func (k *SigningKey) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}), nil
}

// ID names the key: the first 16 hex digits of SHA-256 over the public key in
// PKIX.
func (k *SigningKey) ID() string { return keyID(k.public()) }

func (k *SigningKey) public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// String keeps the key out of logs.
func (k *SigningKey) String() string { return "signing key " + k.ID() }

// GoString keeps it out of %#v, too.
func (k *SigningKey) GoString() string { return k.String() }

// Verifier is the public half. An empty operator means the adapter's key;
// published is when those who verify were given it.
func (k *SigningKey) Verifier(operator string, published time.Time) VerifyKey {
	return VerifyKey{ID: k.ID(), Operator: operator, Published: published.UTC().Truncate(time.Second), public: k.public()}
}

// VerifyKey is a public key, and whose it is.
type VerifyKey struct {
	ID        string
	Operator  string    // a person's name; empty for an adapter's key
	Published time.Time // to the second; the zero time where it is not known

	public ed25519.PublicKey
}

// PEM is the key as ParseVerifyKeys reads it, with what is known of it as headers.
func (k VerifyKey) PEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	headers := map[string]string{}
	if k.Operator != "" {
		headers[headerOperator] = k.Operator
	}
	if !k.Published.IsZero() {
		headers[headerPublished] = k.Published.Format(time.RFC3339)
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Headers: headers, Bytes: der}), nil
}

// VerifyKeys are the keys whose events are believed.
type VerifyKeys []VerifyKey

func (ks VerifyKeys) find(id string) (VerifyKey, bool) {
	for _, k := range ks {
		if k.ID == id {
			return k, true
		}
	}
	return VerifyKey{}, false
}

// Has says whether the key is one of them.
func (ks VerifyKeys) Has(id string) bool { _, ok := ks.find(id); return ok }

// ParseVerifyKeys reads any number of PEM blocks PUBLIC KEY, in PKIX; text between
// them is left alone. The header "Operator: alice" makes a key that of a person,
// "Published: 2026-11-20T22:00:00Z" says since when it is known. A block of another
// kind, a private key above all, is an error; so is a key that two are named for.
func ParseVerifyKeys(text []byte) (VerifyKeys, error) {
	blocks, err := decodePEM(text)
	if err != nil {
		return nil, err
	}
	var keys VerifyKeys
	for i, b := range blocks {
		k, err := parseVerifyKey(b)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", i+1, err)
		}
		if keys, err = keys.With(k); err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", i+1, err)
		}
	}
	return keys, nil
}

// With adds a key. One that is there already is left as it is, unless it is another
// person's there, which is an error.
func (ks VerifyKeys) With(k VerifyKey) (VerifyKeys, error) {
	have, known := ks.find(k.ID)
	switch {
	case !known:
		return append(ks, k), nil
	case have.Operator != k.Operator:
		return nil, fmt.Errorf("key %s is there twice, for operator %q and operator %q", k.ID, have.Operator, k.Operator)
	}
	return ks, nil
}

func parseVerifyKey(b *pem.Block) (VerifyKey, error) {
	if b.Type != publicBlock {
		return VerifyKey{}, fmt.Errorf("is a %s, want a PUBLIC KEY, as quench keys new writes it beside the private one", b.Type)
	}
	key, err := x509.ParsePKIXPublicKey(b.Bytes)
	public, ok := key.(ed25519.PublicKey)
	if err != nil || !ok {
		return VerifyKey{}, errors.New("want an Ed25519 key in PKIX")
	}
	k := VerifyKey{ID: keyID(public), Operator: b.Headers[headerOperator], public: public}
	if err := CheckOperator(k.Operator); k.Operator != "" && err != nil {
		return VerifyKey{}, err
	}
	if at := b.Headers[headerPublished]; at != "" {
		if k.Published, err = time.Parse(time.RFC3339, at); err != nil {
			return VerifyKey{}, fmt.Errorf("header Published: %.40q, want a time like 2026-11-20T22:00:00Z", at)
		}
	}
	return k, nil
}

var operatorName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`) })

// CheckOperator says what is wrong with an operator's name.
func CheckOperator(name string) error {
	if !operatorName().MatchString(name) {
		return fmt.Errorf("operator %.80q: want up to 63 letters, digits, dots, underscores and dashes, a letter or digit at both ends", name)
	}
	return nil
}

// decodePEM gives all blocks. A block that pem.Decode would skip because it is
// broken is an error: half of the keys are not the keys.
func decodePEM(text []byte) ([]*pem.Block, error) {
	var blocks []*pem.Block
	begun := bytes.Count(text, []byte("-----BEGIN "))
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		blocks, text = append(blocks, block), rest
	}
	if len(blocks) != begun {
		return nil, fmt.Errorf("%d PEM blocks begin, and %d can be read", begun, len(blocks))
	}
	return blocks, nil
}

func keyID(public ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic("alert: encode " + err.Error()) // an Ed25519 key always can be
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:8])
}
