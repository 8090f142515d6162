package enricher

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/prometheus/alertmanager/matcher/parse"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quench-dev/quench/function/enriched"
	"github.com/quench-dev/quench/function/rulefile"
)

// Bounds of a rule's text and of a link, in bytes.
const (
	maxSays = 2000
	maxLink = 2000
)

//go:embed rules.yaml
var shipped []byte

var fileKinds = rulefile.Kinds{"rules": "a list", "alerts": "a list", "reasons": "a list"}

// entry is a rule as it stands in the file.
type entry struct {
	Alerts  []string `json:"alerts"`
	Reasons []string `json:"reasons"`
	Action  string   `json:"action"`
	Text    string   `json:"text"`
	Runbook string   `json:"runbook"`
}

// Load reads a rules file, if one is named; with shipped, the rules that quench
// ships come after its own.
func Load(file string, withShipped bool) ([]Rule, error) {
	var rules []Rule
	if file != "" {
		text, err := rulefile.Read(file, "rules")
		if err != nil {
			return nil, err
		}
		if rules, err = Parse(file, text); err != nil {
			return nil, err
		}
	}
	if !withShipped {
		return rules, nil
	}
	more, err := Parse("rules.yaml", shipped)
	return append(rules, more...), err
}

// Parse reads the text of a rules file; file is what errors call it. A field that
// is not known, missing or wrong is an error that names rule and field; all of them
// are told at once.
func Parse(file string, text []byte) ([]Rule, error) {
	asJSON, err := rulefile.JSON(file, text)
	if err != nil {
		return nil, err
	}
	var section struct {
		Rules []json.RawMessage `json:"rules"`
	}
	if err := fileKinds.Decode(asJSON, &section); err != nil {
		return nil, fmt.Errorf("%s: %w; want rules:, a list of rules", file, err)
	}
	if len(section.Rules) == 0 {
		return nil, fmt.Errorf("%s: no rules; want rules:, a list of rules", file)
	}
	var rules []Rule
	var errs []error
	for i, raw := range section.Rules {
		r, err := ruleOf(raw)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: rules[%d]: %w", file, i, err))
		}
		rules = append(rules, r)
	}
	return rules, errors.Join(errs...)
}

func ruleOf(raw json.RawMessage) (Rule, error) {
	var e entry
	if err := fileKinds.Decode(raw, &e); err != nil {
		return Rule{}, err
	}
	r := Rule{reasons: e.Reasons, suggestion: enriched.Suggestion{Action: e.Action, Text: strings.TrimSpace(e.Text), Runbook: e.Runbook}}
	for i, text := range e.Alerts {
		m, err := parse.Matchers(text)
		if err == nil && len(m) == 0 {
			err = errors.New("empty")
		}
		if err != nil {
			return r, fmt.Errorf(`alerts[%d]: got %q: %w; want Alertmanager's matchers, such as alertname=~"KubePod.+",namespace="shop"`, i, text, err)
		}
		r.alerts = append(r.alerts, m)
	}
	for i, reason := range e.Reasons {
		if reason == "" {
			return r, fmt.Errorf("reasons[%d]: empty; want a reason such as OOMKilled", i)
		}
	}
	switch {
	case len(e.Alerts) == 0 && len(e.Reasons) == 0:
		return r, errors.New("alerts, reasons: want one of them at least, or every alert gets this suggestion")
	case r.suggestion == enriched.Suggestion{}:
		return r, errors.New("action, text, runbook: want one of them at least")
	case e.Action != "" && len(validation.IsDNS1123Label(e.Action)) > 0:
		return r, fmt.Errorf("action: got %q, want lower-case letters, digits and hyphens, such as rollback or raise-memory-limit", e.Action)
	case len(e.Text) > maxSays:
		return r, fmt.Errorf("text: got %d bytes, want at most %d", len(e.Text), maxSays)
	case e.Runbook != "" && !link(e.Runbook):
		return r, fmt.Errorf("runbook: got %q, want an http or https URL of at most %d bytes", cut(e.Runbook, maxWhy), maxLink)
	}
	return r, nil
}

// link says whether people can be sent to a URL.
func link(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= maxLink && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
