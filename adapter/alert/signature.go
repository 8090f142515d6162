package alert

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

const (
	// signedAs begins what is signed: under the same key the signature of anything
	// else is none of an event.
	signedAs         = "quench event v1"
	signatureVersion = "v1"
)

// Why an event is not taken for what a key's owner sent.
var (
	ErrUnsigned     = errors.New("the event is not signed: it has no attribute " + AttrSignature)
	ErrUnknownKey   = errors.New("the event is signed with a key that is not known here")
	ErrBadSignature = errors.New("the event is not what was signed")
)

// Sign sets the event's AttrSignature: v1.<key id>.<signature in base64url>. Of
// the event is signed what decisions are made from: id, source, type, subject,
// time, recordedtime and data. The other attributes, which labels became, are for
// Triggers alone. An event of any type can be signed; the error is about a
// recordedtime that is no time.
func (k *SigningKey) Sign(e *event.Event) error {
	text, err := signed(*e)
	if err != nil {
		return fmt.Errorf("sign event: %w", err)
	}
	signature := base64.RawURLEncoding.EncodeToString(ed25519.Sign(k.private, text))
	e.SetExtension(AttrSignature, strings.Join([]string{signatureVersion, k.ID(), signature}, "."))
	return nil
}

// Verify answers the key that the event was signed with. The error is, or wraps,
// ErrUnsigned, ErrUnknownKey or ErrBadSignature.
func (ks VerifyKeys) Verify(e event.Event) (VerifyKey, error) {
	attribute, _ := e.Extensions()[AttrSignature].(string)
	if attribute == "" {
		return VerifyKey{}, ErrUnsigned
	}
	parts := strings.Split(attribute, ".")
	if len(parts) != 3 || parts[0] != signatureVersion {
		return VerifyKey{}, fmt.Errorf("%w: %s=%.40q, want v1.<key id>.<signature>", ErrBadSignature, AttrSignature, attribute)
	}
	key, known := ks.find(parts[1])
	if !known {
		return VerifyKey{}, fmt.Errorf("%w: %.40q", ErrUnknownKey, parts[1])
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return VerifyKey{}, fmt.Errorf("%w: its signature is not in base64url", ErrBadSignature)
	}
	text, err := signed(e)
	if err != nil {
		return VerifyKey{}, fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	if !ed25519.Verify(key.public, text, signature) {
		return VerifyKey{}, ErrBadSignature
	}
	return key, nil
}

// signed is what is signed of an event: its parts in a fixed order, each after its
// length, so that no two events come to the same bytes.
func signed(e event.Event) ([]byte, error) {
	var recorded string // what operators send may have none
	if e.Extensions()[AttrRecordedTime] != nil {
		at, err := RecordedTime(e)
		if err != nil {
			return nil, err
		}
		recorded = instant(at)
	}
	data := plainJSON(e.Data())
	text := make([]byte, 0, len(data)+512)
	text = append(text, signedAs...)
	for _, part := range []string{e.ID(), e.Source(), e.Type(), e.Subject(), instant(e.Time()), recorded} {
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	text = binary.BigEndian.AppendUint64(text, uint64(len(data)))
	return append(text, data...), nil
}

// instant is a time as it stands in what is signed, whatever zone or number of
// digits it was delivered with.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// plainJSON is data without the blanks between its values and with <, > and & as
// escapes. In binary mode data comes as it was sent; in structured mode, or where
// a dead letter went through jq, these are what may differ. Nothing else is
// touched: no order, no number, no name. What is no JSON stays as it is.
func plainJSON(data []byte) []byte {
	var compact, escaped bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return data
	}
	json.HTMLEscape(&escaped, compact.Bytes())
	return escaped.Bytes()
}
