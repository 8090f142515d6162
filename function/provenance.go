package function

import (
	"context"
	"errors"
	"fmt"

	"github.com/quench-dev/quench/adapter/alert"
)

// Reason codes of events that are not what the adapter or an operator sent.
const (
	ReasonUnsigned     = "Unsigned"
	ReasonUnknownKey   = "UnknownKey"
	ReasonBadSignature = "BadSignature"
)

// Provenance is the Guard against events that neither the adapter nor an operator
// sent. A refusal is final and an outcome of its own: nothing was done, and people
// see that somebody tried.
//
// The id needs no look of its own: it is signed, and the adapter works it out from
// the data. An operator may send an alert again under another one.
type Provenance struct {
	// Keys is a file or folder of public keys. It is read at each event: that takes
	// less than a verification, and no key is believed after it has gone. While it
	// cannot be read nothing is decided: 503.
	Keys string
}

// Admit says whether the request's event may be acted on, and notes who signed it.
func (p Provenance) Admit(_ context.Context, req *Request) error {
	keys, err := alert.ReadVerifyKeys(p.Keys)
	if err != nil {
		return Retry(fmt.Errorf("VERIFY_KEYS_FILE: %w", err))
	}
	by, err := keys.Verify(req.Event)
	switch {
	case err == nil:
		req.SignedBy = by.Operator
		return nil
	case errors.Is(err, alert.ErrUnsigned):
		return Skip(ReasonUnsigned, "%w", err)
	case errors.Is(err, alert.ErrUnknownKey):
		return Skip(ReasonUnknownKey, "%w", err)
	}
	return Skip(ReasonBadSignature, "%w", err)
}
