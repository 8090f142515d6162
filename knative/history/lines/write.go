package lines

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/knative/history"
)

// Event is a line that holds one event, its data byte for byte, without the line's
// end.
func Event(e event.Event) ([]byte, error) {
	// An entry knows how to keep data as it is through JSON.
	text, err := Entry(history.Entry{Event: e})
	if err != nil {
		return nil, err
	}
	var whole struct {
		Event json.RawMessage `json:"event"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, err
	}
	return whole.Event, nil
}

// Entry is a line that holds one entry, without the line's end.
func Entry(e history.Entry) ([]byte, error) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.Event.ID(), err)
	}
	return bytes.TrimRight(line.Bytes(), "\n"), nil
}

// Write writes a line.
func Write(w io.Writer, line []byte) error {
	_, err := w.Write(append(line, '\n'))
	return err
}
