package gate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/matcher/parse"
	matchers "github.com/prometheus/alertmanager/pkg/labels"

	"github.com/quench-dev/quench/config"
)

// choice says which alerts count.
type choice struct {
	severities       []string            // used where there is nothing in selected
	selected, others []matchers.Matchers // of each, one that matches is enough
}

func newChoice(cfg config.Gate) (c choice, err error) {
	c.severities = cfg.Severities
	if c.selected, err = matcherLines("ALERT_SELECT", cfg.Select); err != nil {
		return choice{}, err
	}
	if c.others, err = matcherLines("ALERT_EXCLUDE", cfg.Exclude); err != nil {
		return choice{}, err
	}
	return c, nil
}

// matcherLines reads one set of matchers from each line. An empty set would match
// every alert, so it is an error.
func matcherLines(variable, text string) (sets []matchers.Matchers, err error) {
	for one := range strings.Lines(text) {
		one = strings.TrimSpace(one)
		if one == "" {
			continue
		}
		set, err := parse.Matchers(one)
		if err == nil && len(set) == 0 {
			err = errors.New("there is no matcher in it")
		}
		if err != nil {
			return nil, fmt.Errorf(`%s=%q: %w; want label matchers such as severity=~"critical|warning",team!="x"`, variable, one, err)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// has says whether an alert with these labels counts. A label that is not there is
// an empty one, as Prometheus has it.
func (c choice) has(l labels) bool {
	if matchAny(c.others, l) {
		return false
	}
	if len(c.selected) > 0 {
		return matchAny(c.selected, l)
	}
	return slices.Contains(c.severities, l["severity"])
}

func matchAny(sets []matchers.Matchers, l labels) bool {
	return slices.ContainsFunc(sets, func(set matchers.Matchers) bool {
		return !slices.ContainsFunc(set, func(m *matchers.Matcher) bool { return !m.Matches(l[m.Name]) })
	})
}
