package adapter

import (
	"errors"
	"net/http"
	"strings"

	"github.com/rs/zerolog"
)

var errUnauthorized = errors.New("credentials are missing or wrong")

// guard asks for credentials: a bearer token or a password, whichever is
// configured, and either where both are. The files are read again when they
// change; while one cannot be read or has a mistake, what it would have let in
// is answered with 503, so that Alertmanager comes again.
type guard struct {
	tokens    *watched[tokens]
	passwords *watched[passwords]
	checked   *checked
	log       zerolog.Logger
}

// newGuard reads the files. Errors name variable, file and line, never what the
// line holds. Without a file nothing is asked.
func newGuard(tokensFile, passwordsFile string, log zerolog.Logger) (*guard, error) {
	g := &guard{checked: newChecked(), log: log}
	var err error
	if tokensFile != "" {
		if g.tokens, err = watch("credentials", "BEARER_TOKENS_FILE", tokensFile, parseTokens, log); err != nil {
			return nil, err
		}
	}
	if passwordsFile != "" {
		if g.passwords, err = watch("credentials", "BASIC_AUTH_FILE", passwordsFile, parsePasswords, log); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// check gives nil for a request that may come in, errUnauthorized for one that
// may not, and another error where that cannot be told.
func (g *guard) check(r *http.Request) error {
	if g.tokens == nil && g.passwords == nil {
		return nil
	}
	if g.tokens != nil {
		if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
			ts, err := g.tokens.get()
			if err != nil {
				return err
			}
			if ts.have(strings.TrimSpace(token)) {
				return nil
			}
			return errUnauthorized
		}
	}
	if g.passwords != nil {
		if user, password, ok := r.BasicAuth(); ok {
			ps, err := g.passwords.get()
			if err != nil {
				return err
			}
			return g.checked.check(r.Context(), ps, user, password)
		}
	}
	return errUnauthorized
}

func guardStatus(err error) int {
	if errors.Is(err, errUnauthorized) {
		return http.StatusUnauthorized
	}
	return http.StatusServiceUnavailable
}

// refuse answers an error of check.
func (g *guard) refuse(w http.ResponseWriter, err error) {
	code := guardStatus(err)
	if code == http.StatusUnauthorized {
		if g.tokens != nil {
			w.Header().Add("WWW-Authenticate", `Bearer realm="quench"`)
		}
		if g.passwords != nil {
			w.Header().Add("WWW-Authenticate", `Basic realm="quench", charset="UTF-8"`)
		}
		http.Error(w, errUnauthorized.Error(), code)
		return
	}
	http.Error(w, "credentials cannot be checked now", code) // which file, and why, is for the log
}
