package record

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/quench-dev/quench/adapter/alert"
)

// Query says which records of a function to find: those of one key, or those
// whose action began in the hours from Since until Until.
type Query struct {
	Function     string
	Key          string
	Since, Until time.Time
	Most         int // stop at so many; 0 means 1000
}

// maxFound bounds what one query finds where it does not say so itself.
const maxFound = 1000

func (q Query) selector() string {
	parts := []string{labelFunction + "=" + q.Function}
	if q.Key != "" {
		parts = append(parts, labelKey+"="+keyHash(q.Key))
	}
	if !q.Since.IsZero() {
		var hours []string
		for t := q.Since.UTC().Truncate(time.Hour); !t.After(q.Until); t = t.Add(time.Hour) {
			hours = append(hours, t.Format(hourFormat))
		}
		parts = append(parts, labelHour+" in ("+strings.Join(hours, ",")+")")
	}
	return strings.Join(parts, ",")
}

// Find lists records, in no order, and without what was planned: a thousand of
// them must fit into a small pod. What cannot be read is an error.
func (s *Remediations) Find(ctx context.Context, q Query) ([]*Record, error) {
	most := q.Most
	if most == 0 {
		most = maxFound
	}
	return s.find(ctx, q.selector(), most, func(r *Record) { r.Changes, r.Proposal = nil, nil })
}

// Proposals lists the records that a proposal was kept in, over or not: that of
// one approval's id or, with none, all.
func (s *Remediations) Proposals(ctx context.Context, id string) ([]*Record, error) {
	selector := labelApproval
	if id != "" {
		selector += "=" + id
	}
	return s.find(ctx, selector, maxFound, func(*Record) {})
}

// Incarnation lists the records about one incarnation of an alert, of all functions,
// in no order: what was done about it, and the marks of its end.
func (s *Remediations) Incarnation(ctx context.Context, correlationID string) ([]*Record, error) {
	return s.find(ctx, labels.Set{labelCorrelationID: correlationID}.String(), maxFound, func(r *Record) { r.Changes = nil })
}

func (s *Remediations) find(ctx context.Context, selector string, most int, strip func(*Record)) ([]*Record, error) {
	objects, err := s.resource()
	if err != nil {
		return nil, fmt.Errorf("find records: %w", err)
	}
	var found []*Record
	next := ""
	for {
		page, err := objects.List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 100, Continue: next})
		if err != nil {
			return nil, fmt.Errorf("find records: %w", notInstalled(err))
		}
		for i := range page.Items {
			r, err := decode(&page.Items[i])
			if err != nil {
				return nil, err
			}
			strip(r)
			if found = append(found, r); len(found) == most {
				return found, nil
			}
		}
		next = page.GetContinue()
		if next == "" {
			return found, nil
		}
	}
}

func keyHash(key string) string { return alert.Hash("key", key) }
