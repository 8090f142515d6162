package archive

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Outcomes are told apart by package function, whose Kubernetes client the archive
// does without; a test holds the two together.
const (
	outcomePrefix = "dev.quench.action."
	outcomeSource = "/quench/"
)

// maxLabels is how many combinations of labels are told apart: who posts events
// must not be able to make any number.
const maxLabels = 1000

var (
	functionName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	reasonName   = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,63}$`)
	outcomeNames = map[string]bool{"failed": true, "succeeded": true, "started": true, "planned": true, "skipped": true}
)

// outcomeData is what is read of an outcome event's data.
type outcomeData struct {
	Function, Reason string
	Actions          []struct {
		FinishedAt      *string
		DurationSeconds float64
	}
}

// outcome counts what a function did. An event that is no outcome, or none that
// can be read, counts for nothing.
func (m *metrics) outcome(e *event.Event) {
	name, ok := strings.CutPrefix(e.Type(), outcomePrefix)
	if !ok || !outcomeNames[name] || !strings.HasPrefix(e.Source(), outcomeSource) {
		return
	}
	var d outcomeData
	if err := json.Unmarshal(e.Data(), &d); err != nil || !functionName.MatchString(d.Function) {
		return
	}
	if !reasonName.MatchString(d.Reason) {
		d.Reason = "Other"
	}
	if !m.outcomes.take(d.Function, name, d.Reason) {
		d.Function, d.Reason = "other", "Other"
	}
	m.actions.WithLabelValues(d.Function, name, d.Reason).Inc()
	for _, a := range d.Actions {
		if a.FinishedAt != nil && a.DurationSeconds >= 0 {
			m.durations.WithLabelValues(d.Function).Observe(a.DurationSeconds)
		}
	}
}

// labels are the combinations that are told apart.
type labels struct {
	mu    sync.Mutex
	known map[[3]string]bool
}

// take says whether there is room for this one.
func (l *labels) take(function, outcome, reason string) bool {
	key := [3]string{function, outcome, reason}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[[3]string]bool{}
	}
	if !l.known[key] && len(l.known) >= maxLabels {
		return false
	}
	l.known[key] = true
	return true
}
