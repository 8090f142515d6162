package notifier

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/enriched"
)

// The kinds of messages.
const (
	Firing   = "firing"
	Resolved = "resolved"
	Enriched = "enriched"
	Outcome  = "outcome"
)

var kinds = []string{Firing, Resolved, Enriched, Outcome}

// Notice is what a template is given: one event, read. Nothing in it is escaped;
// what a template writes is, for the receiver that it is for.
type Notice struct {
	Kind          string
	EventID       string
	CorrelationID string // of all that is about one incarnation of an alert
	Source        string // such as /alertmanager/prod or /quench/rollback
	Time          time.Time
	Name          string            // the alert's
	Labels        map[string]string // the alert's
	Alert         *alert.Alert      // nil with an outcome that does not say which

	Outcome  *function.OutcomeData // of kind outcome
	Job      *Job                  // of kind outcome, from job-results
	Enriched *enriched.Data        // of kind enriched

	event    event.Event
	recorded time.Time // when the alert was taken in
}

// Job is how a Job ended, as job-results tells it.
type Job struct {
	Pod       string `json:"pod"`
	Container string `json:"container"`
	ExitCode  *int   `json:"exitCode"`
	Log       string `json:"log"`
}

// read reads an event. It answers nil for one that is not told.
func read(e event.Event) (*Notice, error) {
	n := &Notice{EventID: e.ID(), Source: e.Source(), Time: e.Time(), event: e, recorded: e.Time()}
	n.CorrelationID, _ = e.Extensions()[alert.AttrCorrelationID].(string)
	if at, err := alert.RecordedTime(e); err == nil {
		n.recorded = at
	}
	var err error
	switch {
	case alert.IsAlert(e):
		n.Kind = Firing
		if n.Alert, err = alert.FromEvent(e); err == nil && n.Alert.Status == alert.Resolved {
			n.Kind = Resolved
		}
	case e.Type() == enriched.Type:
		n.Kind = Enriched
		var found *enriched.Enriched
		if found, err = enriched.Decode(e); err == nil {
			n.Alert, n.Enriched = found.Alert, &found.Data
		}
	case function.IsOutcome(e):
		n.Kind = Outcome
		var more struct {
			Job *Job `json:"job"`
		}
		if n.Outcome, n.Alert, err = function.ReadOutcome(e); err == nil {
			_ = json.Unmarshal(e.Data(), &more) // other functions may have a job of another form
			n.Job = more.Job
		}
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s event: %w", n.Kind, err)
	}
	if n.Outcome != nil && n.Outcome.Function == Name {
		return nil, nil // said for us, where all is one process and we take long: no loops
	}
	n.about(e)
	return n, nil
}

// about fills in which alert it is. What an event's data says wins over its
// attributes, which are not signed.
func (n *Notice) about(e event.Event) {
	if n.Alert != nil {
		n.Name, n.Labels, n.CorrelationID = n.Alert.Name(), n.Alert.Labels, n.Alert.CorrelationID()
	} else {
		n.Name, _ = e.Extensions()["alertname"].(string)
		n.Labels = map[string]string{"alertname": n.Name}
	}
	if n.CorrelationID == "" {
		n.CorrelationID = n.EventID
	}
	if len(validation.IsValidLabelValue(n.CorrelationID)) > 0 { // records are found by it
		n.CorrelationID = alert.Hash("correlation", n.CorrelationID)
	}
	if n.Time.IsZero() {
		n.Time = time.Now().UTC()
	}
	if n.recorded.IsZero() {
		n.recorded = n.Time
	}
}

// For is how long the alert fired; zero while it does.
func (n *Notice) For() time.Duration {
	if n.Alert == nil || n.Alert.EndsAt.Before(n.Alert.StartsAt) {
		return 0
	}
	return n.Alert.EndsAt.Sub(n.Alert.StartsAt).Round(time.Second)
}
