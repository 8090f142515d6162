package function

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
)

// IsOutcome says by its type whether an event tells of an outcome.
func IsOutcome(e event.Event) bool { return strings.HasPrefix(e.Type(), TypePrefix) }

// ReadOutcome reads an outcome event, and the alert that it is about, which is nil
// where the event does not say: job-results does not always know it. Nobody signs
// these events: they are for people to read, and no ground to act on.
func ReadOutcome(e event.Event) (*OutcomeData, *alert.Alert, error) {
	var in struct {
		OutcomeData
		Alert json.RawMessage `json:"alert"`
	}
	if err := json.Unmarshal(e.Data(), &in); err != nil {
		return nil, nil, &alert.FieldError{Field: "data", Problem: err.Error()}
	}
	if in.Function == "" || in.Outcome == "" {
		return nil, nil, &alert.FieldError{Field: "data", Problem: "want function and outcome, as outcome events have them"}
	}
	if in.Alert == nil {
		return &in.OutcomeData, nil, nil
	}
	about := event.New()
	about.SetType(alert.TypeFiring)
	var of struct {
		Status alert.Status `json:"status"`
	}
	if json.Unmarshal(in.Alert, &of) == nil && of.Status == alert.Resolved {
		about.SetType(alert.TypeResolved)
	}
	about.DataEncoded = in.Alert
	a, err := alert.FromEvent(about)
	if err != nil {
		return nil, nil, fmt.Errorf("data.alert: %w", err)
	}
	return &in.OutcomeData, a, nil
}
