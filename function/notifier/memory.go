package notifier

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function"
	"github.com/quench-dev/quench/function/record"
)

// The bounds of how many events of one incarnation are remembered.
const (
	maxTold   = 200
	maxTrying = 20
)

// memory is what a receiver was told about one incarnation of an alert. It is kept
// in one Remediation, and changed under a lock.
type memory struct {
	record *record.Record
	thread thread
	told   []string     // ids of events; alerts go by status
	status alert.Status // of the alert, as it was told last; with record.RecordedTime
	trying []string     // the events whose messages may have got through
}

// The Remediation's objects, by what they begin with.
const (
	objectThread = "thread/" // CHANNEL/TS
	objectAlert  = "alert/"  // STATUS
	objectTold   = "told/"   // EVENT ID
	objectTrying = "trying/" // EVENT ID
)

// recall reads what is remembered, or begins to remember.
func (n *Notifier) recall(ctx context.Context, r *Receiver, about *Notice) (*memory, error) {
	rec, err := n.o.Records.Get(ctx, record.Name(Name, r.Name, about.CorrelationID))
	if err != nil {
		return nil, err
	}
	if rec == nil {
		return &memory{record: &record.Record{
			Name: record.Name(Name, r.Name, about.CorrelationID), Function: Name, Key: lockKey(r, about), EventID: about.CorrelationID,
			CorrelationID: about.CorrelationID, Alertname: about.Name, Fingerprint: about.fingerprint(), RecordedTime: about.recorded,
			Target: r.Type + "/" + r.Name, Summary: "what was told about the alert", StartedAt: n.o.Now().UTC(),
		}}, nil
	}
	m := &memory{record: rec}
	for _, object := range rec.Objects {
		switch kind, rest, _ := strings.Cut(object, "/"); kind + "/" {
		case objectThread:
			m.thread.channel, m.thread.ts, _ = strings.Cut(rest, "/")
		case objectAlert:
			m.status = alert.Status(rest)
		case objectTold:
			m.told = append(m.told, rest)
		case objectTrying:
			m.trying = append(m.trying, rest)
		}
	}
	return m, nil
}

func lockKey(r *Receiver, about *Notice) string { return r.Name + "/" + about.CorrelationID }

func (n *Notice) fingerprint() string {
	if n.Alert == nil {
		return ""
	}
	return n.Alert.Fingerprint
}

// news says whether an event is to be told. An alert is told when its status
// changes, in the order in which the adapter took it in: not when Alertmanager
// repeats it, and not when it comes late. Everything else is told once.
func (m *memory) news(about *Notice) bool {
	switch about.Kind {
	case Firing:
		return m.status == "" || m.status == alert.Resolved && about.recorded.After(m.record.RecordedTime)
	case Resolved:
		return m.status == "" || m.status == alert.Firing && !about.recorded.Before(m.record.RecordedTime)
	}
	return !slices.Contains(m.told, about.EventID)
}

// try notes that an event is being told, and says whether it was before without its
// being known how that ended.
func (m *memory) try(ctx context.Context, records function.Records, about *Notice) (again bool, err error) {
	again = slices.Contains(m.trying, about.EventID)
	if !again {
		m.trying = append(m.trying, about.EventID)
		m.trying = m.trying[max(len(m.trying)-maxTrying, 0):]
	}
	m.record.Phase, m.record.Outcome, m.record.Reason, m.record.Message = record.Running, "", "", ""
	m.record.Objects = m.objects()
	if m.record.Version == "" {
		return again, records.Create(ctx, m.record)
	}
	if again {
		return true, nil // it stands there
	}
	return false, records.Progress(ctx, m.record)
}

// done notes that an event was told.
func (m *memory) done(about *Notice, at thread) {
	m.settled(about)
	m.thread = at
	switch about.Kind {
	case Firing, Resolved:
		m.status, m.record.RecordedTime = about.Alert.Status, about.recorded
	default:
		m.told = append(m.told, about.EventID)
		m.told = m.told[max(len(m.told)-maxTold, 0):]
	}
	m.record.Outcome, m.record.Reason, m.record.Message = string(function.Succeeded), function.ReasonDone, "told: "+about.Kind
}

// failed notes that an event could not be told.
func (m *memory) failed(about *Notice, f *failure) {
	if !f.maybe {
		m.settled(about)
	}
	m.record.Outcome, m.record.Reason = string(function.Failed), function.ReasonFailed
	m.record.Message = about.Kind + ": " + f.Error()
}

func (m *memory) settled(about *Notice) {
	m.trying = slices.DeleteFunc(m.trying, func(id string) bool { return id == about.EventID })
}

// keep writes how it ended.
func (m *memory) keep(ctx context.Context, records function.Records, now time.Time) error {
	m.record.Phase, m.record.FinishedAt = record.Finished, now.UTC()
	if len(m.trying) > 0 {
		m.record.Phase = record.Retrying
	}
	m.record.Attempts++
	m.record.Objects = m.objects()
	return records.Progress(ctx, m.record)
}

func (m *memory) objects() []string {
	var all []string
	if m.thread.ts != "" {
		all = append(all, objectThread+m.thread.channel+"/"+m.thread.ts)
	}
	if m.status != "" {
		all = append(all, objectAlert+string(m.status))
	}
	for _, id := range m.trying {
		all = append(all, objectTrying+id)
	}
	for _, id := range m.told {
		all = append(all, objectTold+id)
	}
	return all
}
