package jobrunner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/quench-dev/quench/function/rulefile"
)

// Load reads a rules file.
func Load(path string) ([]*Rule, error) {
	text, err := rulefile.Read(path, "rules")
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse reads the text of a rules file; name is what errors call it. A field that
// is not known, missing or wrong is an error that names rule and field.
func Parse(name string, file []byte) ([]*Rule, error) {
	asJSON, err := rulefile.JSON(name, file)
	if err != nil {
		return nil, err
	}
	var sections struct {
		Bailers []json.RawMessage `json:"bailers"`
		Jobs    []json.RawMessage `json:"jobs"`
	}
	d := json.NewDecoder(bytes.NewReader(asJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(&sections); err != nil {
		return nil, fmt.Errorf("%s: %s; want bailers: and jobs:, each a list of rules", name, plain(err))
	}
	if len(sections.Bailers)+len(sections.Jobs) == 0 {
		return nil, fmt.Errorf("%s: no rules; want bailers: or jobs:, each a list of rules", name)
	}
	var rules []*Rule
	taken := map[string]string{} // rule name → where
	of := map[string]int{}       // rules so far, by alert
	add := func(section string, i int, raw json.RawMessage) error {
		where := fmt.Sprintf("%s[%d]", section, i)
		var j job
		into := any(&j)
		if section == "bailers" {
			into = &j.bailer
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			return fmt.Errorf("%s: %s%s: %s", name, where, called(raw), plain(err))
		}
		of[string(j.Alert)]++
		if j.Name == "" {
			j.Name = text(fmt.Sprintf("%s-%d", j.Alert, of[string(j.Alert)]))
		}
		r, err := j.rule(section == "bailers")
		if err != nil {
			return fmt.Errorf("%s: %s%s: %w", name, where, called(raw), err)
		}
		if other, ok := taken[r.Name]; ok {
			return fmt.Errorf("%s: %s: name: %q is %s's name too; want a name of its own", name, where, r.Name, other)
		}
		taken[r.Name] = where
		rules = append(rules, r)
		return nil
	}
	var errs []error
	for i, raw := range sections.Bailers {
		errs = append(errs, add("bailers", i, raw))
	}
	for i, raw := range sections.Jobs {
		errs = append(errs, add("jobs", i, raw))
	}
	return rules, errors.Join(errs...)
}
