package enricher

import (
	"slices"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/quench-dev/quench/function/enriched"
)

// Rule suggests what to do about some alerts. Its texts are told as they stand:
// nothing of an alert is put into them.
type Rule struct {
	alerts     []labels.Matchers // one has to match whole; none given: every alert
	reasons    []string          // one has to be the reason; none given: any, or none
	suggestion enriched.Suggestion
}

func (r Rule) matches(alert model.LabelSet, reason string) bool {
	if len(r.reasons) > 0 && !slices.Contains(r.reasons, reason) {
		return false
	}
	return len(r.alerts) == 0 || slices.ContainsFunc(r.alerts, func(m labels.Matchers) bool { return m.Matches(alert) })
}

// annotationRunbook is where alerting rules have their link by custom.
const annotationRunbook = "runbook_url"

// suggest is what the first rule that matches says; the alert's own link wins.
func (l *look) suggest() *enriched.Suggestion {
	var s enriched.Suggestion
	set := make(model.LabelSet, len(l.alert.Labels))
	for name, v := range l.alert.Labels {
		set[model.LabelName(name)] = model.LabelValue(v)
	}
	if at := slices.IndexFunc(l.o.Rules, func(r Rule) bool { return r.matches(set, l.told.Reason) }); at >= 0 {
		s = l.o.Rules[at].suggestion
	}
	if own := l.alert.Annotations[annotationRunbook]; link(own) {
		s.Runbook = own
	}
	if s == (enriched.Suggestion{}) {
		return nil
	}
	return &s
}
