package notifier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxFile bounds the file of receivers, maxReceivers how many there are.
const (
	maxFile      = 1 << 20
	maxReceivers = 50
)

// entry is one of receivers:. Which fields go with which type, sender says.
type entry struct {
	Name      string           `json:"name"`
	Type      string           `json:"type"`
	Match     []string         `json:"match"`
	Templates map[string]texts `json:"templates"`
	Fields    []string         `json:"fields"`

	Channel     string `json:"channel"`
	TokenFile   string `json:"tokenFile"`
	WebhookFile string `json:"webhookFile"`
	APIURL      string `json:"apiURL"`

	URL           string   `json:"url"`
	URLFile       string   `json:"urlFile"`
	Headers       []header `json:"headers"`
	Body          string   `json:"body"`
	ContentType   string   `json:"contentType"`
	SignatureFile string   `json:"signatureFile"`
}

// texts are the templates of one kind of message; one that is missing is the
// default.
type texts struct {
	Title *string `json:"title"`
	Text  *string `json:"text"`
}

// header is one that a webhook gets. Its value stands in a file where it is secret.
type header struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	ValueFile string `json:"valueFile"`
}

// Load reads the file of receivers, and looks whether the files of their secrets
// can be read.
func Load(file string) ([]*Receiver, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read receivers: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read receivers: %w", err)
	}
	return Parse(file, b)
}

// Parse reads the text of a file of receivers; file is what errors call it. A field
// that is not known, missing or wrong is an error that names receiver and field.
func Parse(file string, text []byte) ([]*Receiver, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: larger than 1 MiB", file)
	}
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var sections struct {
		Receivers []json.RawMessage `json:"receivers"`
	}
	if err := strictly(asJSON, &sections); err != nil {
		return nil, fmt.Errorf("%s: %w; want receivers:, a list", file, err)
	}
	if n := len(sections.Receivers); n == 0 || n > maxReceivers {
		return nil, fmt.Errorf("%s: receivers: got %d, want 1 to %d", file, n, maxReceivers)
	}
	var all []*Receiver
	var errs []error
	taken := map[string]bool{}
	for i, raw := range sections.Receivers {
		where := fmt.Sprintf("%s: receivers[%d]", file, i)
		var e entry
		if err := strictly(raw, &e); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
			continue
		}
		if e.Name != "" {
			where = fmt.Sprintf("%s (%.40q)", where, e.Name)
		}
		r, err := e.receiver()
		if err == nil && taken[r.Name] {
			err = errors.New("name: taken by another receiver; want one of its own")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
			continue
		}
		taken[r.Name] = true
		all = append(all, r)
	}
	return all, errors.Join(errs...)
}

// strictly decodes JSON, and says what is wrong without Go's types.
func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return fmt.Errorf("got a %s, want a mapping", wrong.Value)
	case errors.As(err, &wrong):
		return fmt.Errorf("%s: got a %s, want %s", wrong.Field, wrong.Value, wantOf(wrong.Field))
	case err != nil:
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

func wantOf(field string) string {
	last := field[strings.LastIndexByte(field, '.')+1:]
	switch last {
	case "receivers", "match", "fields", "headers":
		return "a list"
	case "templates", "firing", "resolved", "enriched", "outcome":
		return "a mapping"
	}
	return "a string, in quotes"
}
