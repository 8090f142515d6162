package when_test

import (
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/knative/when"
)

func TestParse(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 21, 16, 30, 15, 500, berlin)
	for text, want := range map[string]string{
		"2h":                        "2026-11-21T14:30:15.0000005+01:00",
		"90m":                       "2026-11-21T15:00:15.0000005+01:00",
		"3d":                        "2026-11-18T16:30:15.0000005+01:00",
		"1d12h":                     "2026-11-20T04:30:15.0000005+01:00",
		"1w ago":                    "2026-11-14T16:30:15.0000005+01:00",
		"now":                       "2026-11-21T16:30:15.0000005+01:00",
		" 2026-11-20T22:00Z ":       "2026-11-20T22:00:00Z",
		"2026-11-20T22:00:05Z":      "2026-11-20T22:00:05Z",
		"2026-11-20 22:00:05.5Z":    "2026-11-20T22:00:05.5Z",
		"2026-11-20T22:00+05:30":    "2026-11-20T22:00:00+05:30",
		"2026-11-20T22:00":          "2026-11-20T22:00:00+01:00",
		"2026-11-20 22:00":          "2026-11-20T22:00:00+01:00",
		"2026-11-20":                "2026-11-20T00:00:00+01:00",
		"16:30":                     "2026-11-21T16:30:00+01:00",
		"22:00":                     "2026-11-20T22:00:00+01:00",
		"16:30:16":                  "2026-11-20T16:30:16+01:00",
		"2026-11-20T22:00:00-03:00": "2026-11-20T22:00:00-03:00",
	} {
		got, err := when.Parse(text, now)
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: got %s, %v, want %s", text, got.Format(time.RFC3339Nano), err, want)
		}
	}
}

func TestParseSaysWhatWouldBeRight(t *testing.T) {
	for _, text := range []string{"", "yesterday", "2", "-2h", "2 hours", "2026-13-01", "25:00", "20.11.2026", "2026-11-20T22"} {
		_, err := when.Parse(text, time.Now())
		if err == nil || !strings.Contains(err.Error(), "want how long ago (90m, 2h") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 12500 * time.Millisecond: "12s", 5*time.Minute + 59*time.Second: "5m",
		3*time.Hour + 59*time.Minute: "3h", 50 * time.Hour: "2d",
	} {
		if got := when.Age(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}
