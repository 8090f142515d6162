// Package when reads times as people write them.
package when

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Forms says what Parse takes, for help and errors.
const Forms = "how long ago (90m, 2h, 3d, 1w), a time of day (22:00), a date (2026-11-20) or a time (2026-11-20T22:00Z)"

// withZone say which zone they are in; the others are in the zone of now.
var (
	withZone = []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00"}
	local    = []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02"}
	ofDay    = []string{"15:04:05", "15:04"}
)

// Parse reads a time: how long before now, a time of day that has been (today's, or
// else yesterday's), a date, or a time, in the zone of now where it names none.
// Between date and time may be a blank. The error says what would be right.
func Parse(text string, now time.Time) (time.Time, error) {
	written := strings.TrimSpace(text)
	if strings.EqualFold(written, "now") {
		return now, nil
	}
	if ago, err := model.ParseDuration(strings.TrimSuffix(written, " ago")); err == nil {
		return now.Add(-time.Duration(ago)), nil
	}
	stamp := strings.Replace(written, " ", "T", 1)
	for _, layout := range withZone {
		if t, err := time.Parse(layout, stamp); err == nil {
			return t, nil
		}
	}
	for _, layout := range local {
		if t, err := time.ParseInLocation(layout, stamp, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range ofDay {
		t, err := time.Parse(layout, written)
		if err != nil {
			continue
		}
		year, month, day := now.Date()
		at := time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
		if at.After(now) {
			at = time.Date(year, month, day-1, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%.60q is no time: want %s", text, Forms)
}

// Age is how long ago something was, short: 12s, 5m, 3h, 2d.
func Age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
