package function

import (
	"context"
	"time"
)

// Notes puts what was done to an object where people look first: a Kubernetes
// Event on it.
type Notes interface {
	Note(ctx context.Context, n Note) error
}

// Note is one such Event.
type Note struct {
	Object   Object
	Function string
	EventID  string
	Warning  bool
	Reason   string // a code in CamelCase
	Message  string // a sentence
	Time     time.Time
}

// noteTimeout bounds the writing of one note.
const noteTimeout = 10 * time.Second

// note tells an outcome on the object, in the background: no answer waits for it,
// and where it cannot be written, record and outcome event tell the same. A dry run
// writes nothing.
func (f *Function) note(req *Request, p Plan, a Acted) {
	on := p.Object
	if a.object != nil {
		on = a.object
	}
	if f.o.Notes == nil || on == nil || f.stopped.Load() || a.Reason == ReasonDryRun {
		return
	}
	n := Note{
		Object: *on, Function: f.name(), EventID: req.EventID, Warning: a.Outcome == Failed, Reason: a.Reason,
		Message: a.Message + " (alert " + req.Alert.Name() + ")", Time: f.told(a),
	}
	if a.Outcome != Succeeded && a.Outcome != Failed {
		n.Message = string(a.Outcome) + ": " + n.Message
	}
	f.idle.Add(1)
	go func() {
		defer f.idle.Done()
		ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
		defer cancel()
		if err := f.o.Notes.Note(ctx, n); err != nil {
			f.about(f.o.Log.Warn(), req).Err(err).Msg("no Kubernetes Event written")
		}
	}()
}
