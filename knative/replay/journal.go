package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/history/lines"
)

// ErrHeld means that another process replays with this cursor file.
var ErrHeld = errors.New("another replay is at work with it")

// Header begins a cursor file: which replay it is of.
type Header struct {
	Run          string    `json:"run"`
	ReplayedTime time.Time `json:"replayedTime"`
	To           string    `json:"to"`        // for people
	Selection    string    `json:"selection"` // what was asked for, in words
}

// note is a line of a cursor file.
type note struct {
	Replay  *Header         `json:"replay,omitempty"`
	Event   json.RawMessage `json:"event,omitempty"`
	Planned *planned        `json:"planned,omitempty"`
	Sending *int            `json:"sending,omitempty"` // the number of an event, from 1
	Sent    *int            `json:"sent,omitempty"`
	Refused *int            `json:"refused,omitempty"`
	ID      string          `json:"id,omitempty"`  // of an event that was refused
	Why     string          `json:"why,omitempty"` // and what was said
}

type planned struct {
	Events  int     `json:"events"`
	LeftOut LeftOut `json:"leftOut"`
}

// Refusal is an event that is not tried again.
type Refusal struct {
	ID, Why string
}

// Journal is a cursor file. It is not to be used from several goroutines.
type Journal struct {
	Header  Header
	LeftOut LeftOut

	file    *os.File
	out     *bufio.Writer
	end     int64 // of what is written
	spans   []span
	places  []place
	order   []int // which event is sent as which
	planned bool
	done    int       // events that were sent or refused
	doubt   bool      // the next was under way when the file was left
	refused []Refusal // in order
}

// span is where an event's line stands.
type span struct {
	at   int64
	size int
}

// Open opens a cursor file, or makes it and its folder. What a kill cut off in the
// middle of a line is taken off. ErrHeld is an error, and so is a file of another
// kind.
func Open(path string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("cursor file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cursor file: %w", err)
	}
	j := &Journal{file: f}
	if err = lock(f); err == nil {
		err = j.read()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cursor file %s: %w", path, err)
	}
	return j, nil
}

func (j *Journal) read() error {
	in := bufio.NewReaderSize(j.file, 256<<10)
	for number := 1; ; number++ {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) {
			break // a line without an end was never written to its end
		}
		if err == nil {
			err = j.take(line)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w; is it a cursor file of quench replay?", number, err)
		}
		j.end += int64(len(line)) + 1
	}
	if err := j.file.Truncate(j.end); err != nil {
		return err
	}
	if _, err := j.file.Seek(j.end, io.SeekStart); err != nil {
		return err
	}
	j.out = bufio.NewWriterSize(j.file, 256<<10)
	if !j.planned {
		return j.reset()
	}
	j.order = order(j.places)
	return nil
}

// reset empties the file: of a plan that was not finished nothing was sent.
func (j *Journal) reset() error {
	j.Header, j.spans, j.places, j.end = Header{}, nil, nil, 0
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	_, err := j.file.Seek(0, io.SeekStart)
	return err
}

func (j *Journal) take(line []byte) error {
	var n note
	if err := json.Unmarshal(line, &n); err != nil {
		return err
	}
	switch {
	case j.end == 0 && n.Replay != nil:
		j.Header = *n.Replay
	case j.end == 0:
		return errors.New("it does not begin with which replay it is of")
	case n.Event != nil:
		e, err := decode(n.Event)
		if err != nil {
			return err
		}
		j.spans, j.places = append(j.spans, span{j.end, len(line)}), append(j.places, placeOf(e))
	case n.Planned != nil:
		if n.Planned.Events != len(j.spans) {
			return fmt.Errorf("%d events were planned, and there are %d", n.Planned.Events, len(j.spans))
		}
		j.planned, j.LeftOut = true, n.Planned.LeftOut
	case n.Sending != nil:
		j.doubt = true
		return j.follows(*n.Sending)
	case n.Sent != nil, n.Refused != nil:
		which := n.Sent
		if n.Refused != nil {
			which = n.Refused
			j.refused = append(j.refused, Refusal{n.ID, n.Why})
		}
		if err := j.follows(*which); err != nil {
			return err
		}
		j.done, j.doubt = j.done+1, false
	}
	return nil
}

func (j *Journal) follows(n int) error {
	if !j.planned || n != j.done+1 || n > len(j.spans) {
		return fmt.Errorf("event %d of %d is told of after event %d", n, len(j.spans), j.done)
	}
	return nil
}

func decode(text []byte) (event.Event, error) {
	var e event.Event
	if err := json.Unmarshal(text, &e); err != nil {
		return e, err
	}
	return e, e.Validate()
}

func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > 2*lines.MaxLine:
			return nil, fmt.Errorf("longer than %d bytes", 2*lines.MaxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		}
		return bytes.TrimSuffix(line, []byte("\n")), nil
	}
}
