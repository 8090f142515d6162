package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/history/lines"
)

// Planned says whether the file holds a whole plan: then it is to be gone on with.
func (j *Journal) Planned() bool { return j.planned }

// Len is how many events there are to send.
func (j *Journal) Len() int { return len(j.spans) }

// Done is how many of them were sent or refused.
func (j *Journal) Done() int { return j.done }

// Doubt says whether the next one may have been sent without its being noted.
func (j *Journal) Doubt() bool { return j.doubt }

// Refused are those that were refused.
func (j *Journal) Refused() []Refusal { return j.refused }

// Begin writes which replay it is of.
func (j *Journal) Begin(h Header) error {
	if j.planned || j.end > 0 {
		return errors.New("cursor file: the replay has begun already")
	}
	j.Header = h
	return j.write(note{Replay: &h})
}

// Add plans an event, as it is to be sent.
func (j *Journal) Add(e event.Event) error {
	text, err := lines.Event(e)
	if err != nil {
		return err
	}
	at := j.end
	if err := j.write(note{Event: text}); err != nil {
		return err
	}
	j.spans, j.places = append(j.spans, span{at, int(j.end-at) - 1}), append(j.places, placeOf(e))
	return nil
}

// Plan ends the plan: from here on nothing is added to it, and it survives a crash.
func (j *Journal) Plan(left LeftOut) error {
	if err := j.write(note{Planned: &planned{len(j.spans), left}}); err != nil {
		return err
	}
	if err := errors.Join(j.sync(), syncFolder(filepath.Dir(j.file.Name()))); err != nil {
		return err
	}
	j.planned, j.LeftOut, j.order = true, left, order(j.places)
	return nil
}

// next is the event that is to be sent next.
func (j *Journal) next() (event.Event, error) {
	s := j.spans[j.order[j.done]]
	line := make([]byte, s.size)
	if _, err := j.file.ReadAt(line, s.at); err != nil {
		return event.Event{}, fmt.Errorf("cursor file: %w", err)
	}
	var n note
	if err := json.Unmarshal(line, &n); err != nil {
		return event.Event{}, fmt.Errorf("cursor file: %w", err)
	}
	return decode(n.Event)
}

// sending notes that the next event is under way. The kernel has the note when it
// returns, which a kill of this process does not undo; a power failure might, and
// then the event is sent again all the same.
func (j *Journal) sending() error {
	n := j.done + 1
	if err := j.write(note{Sending: &n}); err != nil {
		return err
	}
	j.doubt = true
	return j.flush()
}

// settled notes what became of the event under way, and that is on disk when it
// returns. why is empty for one that was taken.
func (j *Journal) settled(id, why string) error {
	n := j.done + 1
	line := note{Sent: &n}
	if why != "" {
		line = note{Refused: &n, ID: id, Why: why}
		j.refused = append(j.refused, Refusal{id, why})
	}
	if err := j.write(line); err != nil {
		return err
	}
	j.done, j.doubt = n, false
	return j.sync()
}

func (j *Journal) write(n note) error {
	text, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("cursor file: %w", err)
	}
	if _, err := j.out.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("cursor file: %w", err)
	}
	j.end += int64(len(text)) + 1
	return nil
}

func (j *Journal) flush() error {
	if err := j.out.Flush(); err != nil {
		return fmt.Errorf("cursor file: %w", err)
	}
	return nil
}

func (j *Journal) sync() error {
	if err := j.flush(); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("cursor file: %w", err)
	}
	return nil
}

// syncFolder keeps the file's name through a crash.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cursor file: %w", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("cursor file: %w", err)
	}
	return nil
}

// Close leaves the file as it is, for another run to go on with.
func (j *Journal) Close() error { return j.file.Close() }

// Remove takes the file away: the replay is over.
func (j *Journal) Remove() error {
	return errors.Join(os.Remove(j.file.Name()), j.file.Close())
}
