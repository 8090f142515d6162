//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// letter is a line that the dead-letter service has logged.
type letter struct {
	Message     string                     `json:"message"`
	EventID     string                     `json:"event_id"`
	Code        string                     `json:"code"`
	Reason      string                     `json:"reason"`
	Destination string                     `json:"destination"`
	Event       map[string]json.RawMessage `json:"event"`
}

func (l letter) String() string {
	return fmt.Sprintf("%s for %s: %s %s\n", l.EventID, l.Destination, l.Code, l.Reason)
}

// deadLetters are those in the logs of the service's pods that are there now.
func deadLetters(t testing.TB) (found []letter) {
	t.Helper()
	var log string
	eventually(t, time.Minute, "the dead-letter service's logs", func(ctx context.Context) (err error) {
		log, err = kubectl(ctx, "", "logs", "-n", quench, "-l", "serving.knative.dev/service=dead-letter", "-c", "dead-letter", "--tail=-1")
		return err // a pod that is about to start has none yet
	})
	for line := range strings.Lines(log) {
		var l letter
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("the dead-letter service's log has a line that is no JSON: %q", line)
		}
		found = append(found, l)
	}
	return found
}

// assertHolds checks that the event stands in the letter whole, as it was delivered elsewhere: each attribute, and the
// data byte for byte.
func (l letter) assertHolds(t testing.TB, delivered request) {
	t.Helper()
	want := map[string]string{"datacontenttype": delivered.Header.Get("Content-Type")}
	for header := range delivered.Header {
		if name, ok := strings.CutPrefix(strings.ToLower(header), "ce-"); ok && !strings.HasPrefix(name, "knative") {
			want[name] = delivered.Header.Get(header)
		}
	}
	for name, value := range want {
		var got string
		if err := json.Unmarshal(l.Event[name], &got); err != nil || got != value {
			t.Errorf("in the dead letter %s is %s, want %q", name, l.Event[name], value)
		}
	}
	for name := range l.Event {
		if _, ok := want[name]; !ok && name != "data" {
			t.Errorf("in the dead letter is %s=%s, which the event does not have", name, l.Event[name])
		}
	}
	if !bytes.Equal(l.Event["data"], delivered.Body) {
		t.Errorf("in the dead letter data is %s, want %s", l.Event["data"], delivered.Body)
	}
}
