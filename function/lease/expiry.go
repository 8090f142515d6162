package lease

import (
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// maxSeen bounds what is remembered of Leases renewed in the future.
const maxSeen = 1024

// sighting is when this process first saw a Lease at one version.
type sighting struct {
	version string
	at      time.Time
}

// ranOut says whether nobody holds a Lease any more.
func (l *Locker) ranOut(o *unstructured.Unstructured) bool {
	now := l.now()
	duration := l.duration()
	if s, ok, _ := unstructured.NestedInt64(o.Object, "spec", "leaseDurationSeconds"); ok && s > 0 {
		duration = time.Duration(s) * time.Second
	}
	text, _, _ := unstructured.NestedString(o.Object, "spec", "renewTime")
	renewed, err := time.Parse(time.RFC3339Nano, text)
	if err == nil && !renewed.After(now) {
		return now.Sub(renewed) > duration
	}
	return now.Sub(l.firstSeen(o, now)) > duration
}

// firstSeen is since when this process has seen the Lease as it is.
func (l *Locker) firstSeen(o *unstructured.Unstructured, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	version := string(o.GetUID()) + "/" + o.GetResourceVersion()
	if s, ok := l.seen[o.GetName()]; ok && s.version == version {
		return s.at
	}
	if l.seen == nil || len(l.seen) >= maxSeen {
		l.seen = map[string]sighting{} // forgetting only makes a takeover later
	}
	l.seen[o.GetName()] = sighting{version, now}
	return now
}

// pause doubles from 20 ms to at most half a second, with jitter so that those
// who wait do not meet again.
func pause(try int) time.Duration {
	most := min(20*time.Millisecond<<min(try, 5), 500*time.Millisecond)
	return most/2 + rand.N(most/2) //nolint:gosec // jitter, no secret
}
