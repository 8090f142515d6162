package record

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quench-dev/quench/adapter/alert"
)

// Query says which records of a function to find: those of one key, or those
// whose action began in the hours from Since until Until.
type Query struct {
	Function     string
	Key          string
	Since, Until time.Time
}

// maxFound bounds what one query reads. A function that does more than this in
// an hour, or with one key in all the time that records are kept, has no limit
// that would be worth keeping.
const maxFound = 2000

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

// Find lists records, in no order. What cannot be read is an error: what is
// decided by counting must not be decided by half of it.
func (s *Remediations) Find(ctx context.Context, q Query) ([]*Record, error) {
	return s.find(ctx, q.selector())
}

// Proposals lists the records that a proposal was kept in, over or not: that of
// one approval's id or, with none, all.
func (s *Remediations) Proposals(ctx context.Context, id string) ([]*Record, error) {
	if id == "" {
		return s.find(ctx, labelApproval)
	}
	return s.find(ctx, labelApproval+"="+id)
}

func (s *Remediations) find(ctx context.Context, selector string) ([]*Record, error) {
	objects, err := s.resource()
	if err != nil {
		return nil, fmt.Errorf("find records: %w", err)
	}
	var found []*Record
	next := ""
	for {
		page, err := objects.List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 500, Continue: next})
		if err != nil {
			return nil, fmt.Errorf("find records: %w", notInstalled(err))
		}
		for i := range page.Items {
			r, err := decode(&page.Items[i])
			if err != nil {
				return nil, err
			}
			found = append(found, r)
		}
		next = page.GetContinue()
		if next == "" {
			return found, nil
		}
		if len(found) >= maxFound {
			return nil, fmt.Errorf("find records: more than %d match %s", maxFound, selector)
		}
	}
}

func keyHash(key string) string { return alert.Hash("key", key) }
