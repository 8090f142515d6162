package adapter

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/crypto/bcrypt"
)

// passwords are bcrypt hashes by user; stranger is compared for a user that is
// not there, so that the time taken does not tell.
type passwords struct {
	hashes   map[string]string
	stranger string
}

// parsePasswords reads lines as htpasswd -B writes them.
func parsePasswords(content string) (passwords, error) {
	ps := passwords{hashes: map[string]string{}}
	err := credentialLines(content, func(line string) error {
		user, hash, ok := strings.Cut(line, ":")
		if !ok || user == "" {
			return errors.New("want user:hash, as htpasswd -B writes it")
		}
		if _, err := bcrypt.Cost([]byte(hash)); err != nil {
			return errors.New("want a bcrypt hash after the user, as htpasswd -B writes it")
		}
		if _, twice := ps.hashes[user]; twice {
			return errors.New("this user is listed already")
		}
		ps.hashes[user], ps.stranger = hash, hash
		return nil
	})
	return ps, err
}

// rememberedPasswords bounds the compares that are remembered.
const rememberedPasswords = 256

// checked remembers good compares, for a compare takes some 60 ms of CPU: that
// is for the first webhook, not for each. Bad ones are made one after the other,
// so that guessing takes one core at most.
type checked struct {
	one chan struct{} // held while a compare is made

	mu   sync.Mutex
	key  [32]byte // what memory holds is of no use in another process
	good *simplelru.LRU[[sha256.Size]byte, struct{}]
}

func newChecked() *checked {
	good, err := simplelru.NewLRU[[sha256.Size]byte, struct{}](rememberedPasswords, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	c := &checked{one: make(chan struct{}, 1), good: good}
	_, _ = rand.Read(c.key[:]) // never fails
	return c
}

// check gives nil for a user's password, errUnauthorized for any other, and
// ctx's error where the client left before its turn came.
func (c *checked) check(ctx context.Context, ps passwords, user, password string) error {
	hash, known := ps.hashes[user]
	if !known {
		hash = ps.stranger
	}
	sum := c.sum(user, hash, password)
	if known && c.seen(sum) {
		return nil
	}
	select {
	case c.one <- struct{}{}:
		defer func() { <-c.one }()
	case <-ctx.Done():
		return fmt.Errorf("compare password: %w", ctx.Err())
	}
	if known && c.seen(sum) { // by who came before us
		return nil
	}
	if err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)); err != nil || !known {
		return errUnauthorized
	}
	c.mu.Lock()
	c.good.Add(sum, struct{}{})
	c.mu.Unlock()
	return nil
}

// seen says whether this compare was good before. The hash is part of the sum: a
// password that was changed is compared anew.
func (c *checked) seen(sum [sha256.Size]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.good.Get(sum)
	return ok
}

func (c *checked) sum(parts ...string) [sha256.Size]byte {
	b := append([]byte(nil), c.key[:]...)
	for _, p := range parts {
		b = fmt.Appendf(b, "%d:%s", len(p), p)
	}
	return sha256.Sum256(b)
}
