package alert

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every payload that is shipped becomes events that survive the trip.
func TestShippedPayloads(t *testing.T) {
	files, err := filepath.Glob("../../tests/payloads/*.json")
	if err != nil || len(files) < 7 {
		t.Fatalf("%v, %v", files, err)
	}
	m, schema := newMirror(t), compile(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, m, schema, body)
		})
	}
}

// The fingerprint that is computed where the payload has none is Alertmanager's.
func TestFingerprintIsAlertmanagers(t *testing.T) {
	body, err := os.ReadFile("../../tests/payloads/firing.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range p.Alerts {
		if got := labelFingerprint(a.Labels); got != a.Fingerprint {
			t.Errorf("computed %s, Alertmanager says %s", got, a.Fingerprint)
		}
	}
}

func TestAnyNumberOfAlerts(t *testing.T) {
	for _, n := range []int{1, 2, 100, 1000} {
		alerts := make([]string, n)
		for i := range alerts {
			alerts[i] = strings.NewReplacer("nginx-1", fmt.Sprintf("nginx-%d", i), "c0ffee0123456789", fmt.Sprintf("%016x", i)).Replace(podAlert)
		}
		_, events := encode(t, webhook(alerts...))
		ids := map[string]bool{}
		for _, e := range events {
			ids[e.ID()] = true
		}
		if len(ids) != n {
			t.Errorf("%d alerts: %d ids", n, len(ids))
		}
	}
}

// An alert whose end is Alertmanager's zero time has no end, and its event the
// start's time even where it is said to be resolved.
func TestZeroEnd(t *testing.T) {
	_, events := encode(t, webhook(strings.Replace(podAlert, `"firing"`, `"resolved"`, 1)))
	if want := time.Date(2026, 11, 20, 20, 0, 0, 123456789, time.UTC); !events[0].Time().Equal(want) {
		t.Errorf("time %v", events[0].Time())
	}
}
