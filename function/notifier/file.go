package notifier

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/quench-dev/quench/function/rulefile"
)

// maxReceivers bounds how many there are.
const maxReceivers = 50

var fileKinds = rulefile.Kinds{
	"receivers": "a list", "match": "a list", "fields": "a list", "headers": "a list",
	"templates": "a mapping", "firing": "a mapping", "resolved": "a mapping", "enriched": "a mapping", "outcome": "a mapping",
}

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
	text, err := rulefile.Read(file, "receivers")
	if err != nil {
		return nil, err
	}
	return Parse(file, text)
}

// Parse reads the text of a file of receivers; file is what errors call it. A field
// that is not known, missing or wrong is an error that names receiver and field.
func Parse(file string, text []byte) ([]*Receiver, error) {
	asJSON, err := rulefile.JSON(file, text)
	if err != nil {
		return nil, err
	}
	var sections struct {
		Receivers []json.RawMessage `json:"receivers"`
	}
	if err := fileKinds.Decode(asJSON, &sections); err != nil {
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
		if err := fileKinds.Decode(raw, &e); err != nil {
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
