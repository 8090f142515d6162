package imagepatcher

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/quench-dev/quench/function/rulefile"
)

var fileKinds = rulefile.Kinds{"images": "a list"}

// Load reads a rules file; without a name there are no rules.
func Load(file string) ([]Rule, error) {
	if file == "" {
		return nil, nil
	}
	text, err := rulefile.Read(file, "rules")
	if err != nil {
		return nil, err
	}
	return Parse(file, text)
}

// Parse reads the text of a rules file; file is what errors call it. A field that
// is not known, missing or wrong is an error that names rule and field.
func Parse(file string, text []byte) ([]Rule, error) {
	asJSON, err := rulefile.JSON(file, text)
	if err != nil {
		return nil, err
	}
	var section struct {
		Images []json.RawMessage `json:"images"`
	}
	if err := fileKinds.Decode(asJSON, &section); err != nil {
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
		err := fileKinds.Decode(raw, &s)
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
