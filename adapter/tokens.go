package adapter

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
)

// tokens are the SHA-256 sums of bearer tokens: of one length, so that a compare
// takes as long for every token.
type tokens [][sha256.Size]byte

// parseTokens reads a line for each token.
func parseTokens(content string) (tokens, error) {
	var ts tokens
	err := credentialLines(content, func(line string) error {
		if strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return errors.New("want one token of printable ASCII without blanks")
		}
		ts = append(ts, sha256.Sum256([]byte(line)))
		return nil
	})
	return ts, err
}

func (ts tokens) have(token string) bool {
	sum, found := sha256.Sum256([]byte(token)), 0
	for i := range ts {
		found |= subtle.ConstantTimeCompare(ts[i][:], sum[:])
	}
	return found == 1
}
