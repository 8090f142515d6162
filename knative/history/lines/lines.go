// Package lines reads and writes events as JSON Lines: one event a line, in
// CloudEvents' structured form, or one entry of an archive, which also says how the
// event fared. It reads the dead-letter service's log, too.
//
// What may go wrong: a line that is neither, or longer than MaxLine, is an error that
// names file and line; what was handed over before it stays handed over.
package lines

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/knative/history"
)

// MaxLine bounds one line, in bytes.
const MaxLine = 16 << 20

// Stdin is the path that stands for standard input.
const Stdin = "-"

// File is a file of events. It lists them as an archive does: Seq is the line's
// number, and an event without an entry was received when the adapter recorded it,
// or at its own time.
type File struct {
	Path  string
	Stdin io.Reader // what the path - is read from
}

// String is what people call it.
func (f *File) String() string {
	if f.Path == Stdin {
		return "standard input"
	}
	return f.Path
}

// List hands over what a query asks for, up to most entries; 0 means all.
func (f *File) List(ctx context.Context, q history.Query, most int, each func(history.Entry) error) error {
	m, err := history.NewMatcher(q)
	if err != nil {
		return err
	}
	var last []history.Entry // of a descending list
	given := 0
	err = f.read(func(e history.Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		matches, err := m.Match(&e)
		if err != nil || !matches {
			return err
		}
		if q.Descending {
			if last = append(last, e); most > 0 && len(last) > most {
				last = last[1:]
			}
			return nil
		}
		if err := each(e); err != nil {
			return err
		}
		if given++; given == most {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	for _, e := range slices.Backward(last) {
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

var errEnough = errors.New("enough")

func (f *File) read(each func(history.Entry) error) error {
	if f.Path == Stdin {
		return Read(f.Stdin, f.String(), each)
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	return Read(file, f.Path, each)
}

// Read hands over each line of r; errors call it name.
func Read(r io.Reader, name string, each func(history.Entry) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), MaxLine)
	number := int64(0)
	for in.Scan() {
		number++
		text := bytes.TrimSpace(bytes.TrimPrefix(in.Bytes(), []byte("\xef\xbb\xbf")))
		if len(text) == 0 {
			continue
		}
		e, ok, err := parse(text, number)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if !ok {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: longer than %d bytes", name, number+1, MaxLine)
	} else if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// line is what tells the kinds of lines apart, with what the dead-letter service
// logs.
type line struct {
	SpecVersion string          `json:"specversion"`
	Event       json.RawMessage `json:"event"`

	Message     string    `json:"message"`
	Level       string    `json:"level"`
	Time        time.Time `json:"time"`
	Destination string    `json:"destination"`
	Code        string    `json:"code"`
	Reason      string    `json:"reason"`
	LeftOut     int       `json:"data_left_out"`
}

// parse answers false for a line of a log that is about no event.
func parse(text []byte, number int64) (e history.Entry, ok bool, err error) {
	var l line
	if err := unmarshal(text, &l); err != nil {
		// A time or a code of another form is none of ours where there is an event.
		var kind struct {
			SpecVersion string          `json:"specversion"`
			Event       json.RawMessage `json:"event"`
		}
		if unmarshal(text, &kind) != nil || kind.SpecVersion == "" && kind.Event == nil {
			return e, false, fmt.Errorf("%w; %s", err, want)
		}
		l = line{SpecVersion: kind.SpecVersion, Event: kind.Event}
	}
	switch {
	case l.SpecVersion != "":
		err = unmarshal(text, &e.Event)
	case l.Event != nil && l.Message == "dead letter":
		if l.LeftOut > 0 {
			return e, false, fmt.Errorf("the log has the event without its %d bytes of data, so that it cannot be sent again", l.LeftOut)
		}
		e.DeadLetter = &history.DeadLetter{At: l.Time, Destination: l.Destination, Code: l.Code, Reason: l.Reason, Count: 1}
		err = unmarshal(l.Event, &e.Event)
	case l.Event != nil:
		err = unmarshal(text, &e)
	case l.Level != "" && l.Message != "":
		return e, false, nil
	default:
		return e, false, errors.New(want)
	}
	if err == nil {
		err = e.Event.Validate()
	}
	if err != nil {
		return e, false, fmt.Errorf("%w; %s", err, want)
	}
	e.Seq = number
	if e.Received.IsZero() {
		e.Received = received(e.Event)
	}
	return e, true, nil
}

const want = "want a CloudEvent in structured form, or an entry, as quench events export writes them"

// unmarshal is json.Unmarshal for what the SDK's decoder may panic on.
func unmarshal(text []byte, into any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return json.Unmarshal(text, into)
}

func received(e event.Event) time.Time {
	if at, err := alert.RecordedTime(e); err == nil {
		return at
	}
	return e.Time()
}
