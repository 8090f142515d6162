package imagepatcher

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

// maxFile bounds a rules file.
const maxFile = 1 << 20

// Load reads a rules file; without a name there are no rules.
func Load(file string) ([]Rule, error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return Parse(file, b)
}

// Parse reads the text of a rules file; file is what errors call it. A field that
// is not known, missing or wrong is an error that names rule and field.
func Parse(file string, text []byte) ([]Rule, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: larger than 1 MiB", file)
	}
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var section struct {
		Images []json.RawMessage `json:"images"`
	}
	if err := strictly(asJSON, &section); err != nil {
		return nil, fmt.Errorf("%s: %w; want images:, a list of rules", file, err)
	}
	if len(section.Images) == 0 {
		return nil, fmt.Errorf("%s: no rules; want images:, a list of rules", file)
	}
	var rules []Rule
	var errs []error
	for i, raw := range section.Images {
		where := fmt.Sprintf("images[%d]", i)
		var s Setting
		err := strictly(raw, &s)
		if err == nil && s.Repository == "" {
			err = errors.New("repository: missing; want a pattern such as registry.example.com/shop/*")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", file, where, err))
			continue
		}
		r, err := s.Rule(func(field string) string { return file + ": " + where + ": " + field })
		errs = append(errs, err)
		rules = append(rules, r)
	}
	return rules, errors.Join(errs...)
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
	case errors.As(err, &wrong) && wrong.Field == "images":
		return fmt.Errorf("images: got a %s, want a list", wrong.Value)
	case errors.As(err, &wrong): // a version that YAML takes for a number has lost digits
		return fmt.Errorf("%s: got a %s, want a string, in quotes", wrong.Field, wrong.Value)
	case err != nil:
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
