package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"time"
)

// startFormat cuts to milliseconds, so that an identity survives systems that
// keep no finer time.
const startFormat = "2006-01-02T15:04:05.000Z"

// ID is the event's id: 32 hex digits over fingerprint, status and startsAt. It
// is the same on retries, on repeats, and from both replicas of an Alertmanager
// pair.
func (a *Alert) ID() string { return a.id(a.start()) }

func (a *Alert) id(start string) string { return Hash(a.Fingerprint, string(a.Status), start) }

// CorrelationID names one incarnation of an alert: its firing, its resolved and
// every outcome share it. 32 hex digits over fingerprint and startsAt.
func (a *Alert) CorrelationID() string { return a.correlationID(a.start()) }

func (a *Alert) correlationID(start string) string { return Hash(a.Fingerprint, start) }

// Subject is <alertname>/<fingerprint>, for people.
func (a *Alert) Subject() string { return a.Name() + "/" + a.Fingerprint }

func (a *Alert) start() string {
	return a.StartsAt.UTC().Truncate(time.Millisecond).Format(startFormat)
}

// Hash is the first 32 hex digits of SHA-256 over the parts, separated by NUL so
// that no two lists of parts are taken for each other.
func Hash(parts ...string) string {
	all := make([]byte, 0, 256) // for nearly every list; it stays on the stack
	for i, p := range parts {
		if i > 0 {
			all = append(all, 0)
		}
		all = append(all, p...)
	}
	sum := sha256.Sum256(all)
	var digits [32]byte
	hex.Encode(digits[:], sum[:16])
	return string(digits[:])
}

// Source is the event source for a cluster's name. It never holds Alertmanager's
// externalURL, which differs between the replicas of a pair.
func Source(cluster string) string { return "/alertmanager/" + url.PathEscape(cluster) }
