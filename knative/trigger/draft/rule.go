package draft

import (
	"fmt"
	"strings"

	"github.com/quench-dev/quench/function/enricher"
	"github.com/quench-dev/quench/function/jobrunner"
	"github.com/quench-dev/quench/function/notifier"
)

// Stays says how the function is told what the filter cannot say; empty where there is nothing, or the function has a
// file of rules that the Trigger was made from.
func (d *Draft) Stays(function string) string {
	if len(d.Kept) == 0 {
		return ""
	}
	var matchers, labels []string
	said := true
	for _, m := range d.Kept {
		matchers = append(matchers, fmt.Sprintf("'%s'", strings.ReplaceAll(m.String(), "'", "''")))
		expression := m.Value
		if !m.Pattern {
			expression = "" // nothing is kept of a plain value but its blanks and its length
		}
		said = said && m.Pattern && !m.Negative
		labels = append(labels, fmt.Sprintf("%s: '%s'", m.Label, strings.ReplaceAll("^(?:"+expression+")$", "'", "''")))
	}
	switch {
	case function == jobrunner.Name && said:
		return "in job-runner's rule: labels: { " + strings.Join(labels, ", ") + " }"
	case function == notifier.Name:
		return "in the receiver of notifier.yaml: match: [" + strings.Join(matchers, ", ") + "]"
	case function == enricher.Name, function == "":
		return "in the subscriber: it gets these alerts, too"
	}
	return "in the policy: functions: { " + function + ": { alerts: [" + strings.Join(matchers, ", ") + "] } }"
}
