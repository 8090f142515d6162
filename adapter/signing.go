package adapter

import (
	"errors"
	"io/fs"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/adapter/alert"
)

// watchSigningKey reads the key that events are signed with; without a file there
// is none. A file that is not there yet is no error: whoever makes the keys may be
// later than we, and until then the adapter is not ready and sends nothing.
func watchSigningKey(file string, log zerolog.Logger) (*watched[*alert.SigningKey], error) {
	if file == "" {
		return nil, nil
	}
	w, err := watch("signing key", "SIGNING_KEY_FILE", file, func(text string) (*alert.SigningKey, error) {
		key, err := alert.ParseSigningKey([]byte(text))
		if err != nil {
			return nil, &lineError{0, err}
		}
		return key, nil
	}, log)
	if errors.Is(err, fs.ErrNotExist) {
		log.Warn().Str("reason", err.Error()).Msg("no event is sent before there is a signing key")
		return w, nil
	}
	return w, err
}

// sign signs an event with the key as it is now. It comes last: what is changed
// after it is not what was signed.
func (a *Adapter) sign(e *event.Event) error {
	if a.key == nil {
		return nil
	}
	key, err := a.key.get()
	if err != nil {
		return err
	}
	return key.Sign(e)
}
