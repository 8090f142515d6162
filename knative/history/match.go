package history

import (
	"fmt"
	"strings"

	cesql "github.com/cloudevents/sdk-go/sql/v2"
	"github.com/cloudevents/sdk-go/sql/v2/parser"
	"github.com/cloudevents/sdk-go/sql/v2/utils"
	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
)

// Matcher says which entries a query is about. It may be used from many
// goroutines at once.
type Matcher struct {
	q      Query
	filter cesql.Expression // nil: none
}

// NewMatcher compiles the query's filter; the error says what is wrong with it.
// Descending and Limit are the lister's to heed.
func NewMatcher(q Query) (*Matcher, error) {
	filter, err := compile(q.Filter)
	if err != nil {
		return nil, err
	}
	return &Matcher{q: q, filter: filter}, nil
}

// Match says whether the query asks for e. An error is a filter whose result for
// this entry is neither true nor false.
func (m *Matcher) Match(e *Entry) (bool, error) {
	q := m.q
	switch {
	case q.After > 0 && !q.Descending && e.Seq <= q.After,
		q.After > 0 && q.Descending && e.Seq >= q.After,
		!q.Since.IsZero() && e.Received.Before(q.Since),
		!q.Until.IsZero() && !e.Received.Before(q.Until),
		q.ID != "" && e.Event.ID() != q.ID,
		q.CorrelationID != "" && Attribute(&e.Event, alert.AttrCorrelationID) != q.CorrelationID,
		q.DeadLetters && e.DeadLetter == nil,
		q.Pending && !e.Pending():
		return false, nil
	}
	for name, want := range q.Attributes {
		if !utils.ContainsAttribute(e.Event, name) || Attribute(&e.Event, name) != want {
			return false, nil
		}
	}
	return m.fulfils(e)
}

func (m *Matcher) fulfils(e *Entry) (ok bool, err error) {
	if m.filter == nil {
		return true, nil
	}
	defer func() {
		if p := recover(); p != nil { // the SDK's functions meet values of any type
			ok, err = false, fmt.Errorf("filter %q: event %s: %v", m.q.Filter, e.Event.ID(), p)
		}
	}()
	v, evalErr := m.filter.Evaluate(e.Event)
	if evalErr != nil {
		return false, nil //nolint:nilerr // as Knative has it: what cannot be evaluated does not match
	}
	ok, is := v.(bool)
	if !is {
		return false, fmt.Errorf("filter %q: event %s: it is %v, want true or false", m.q.Filter, e.Event.ID(), v)
	}
	return ok, nil
}

// Attribute is an attribute, of CloudEvents or an extension, as text; empty where
// there is none.
func Attribute(e *event.Event, name string) string {
	if v := utils.GetAttribute(*e, name); v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// compile reads a CESQL expression; nil for none.
func compile(text string) (x cesql.Expression, err error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > maxFilter {
		return nil, fmt.Errorf("filter: %d bytes, want at most %d", len(text), maxFilter)
	}
	defer func() {
		if p := recover(); p != nil {
			x, err = nil, fmt.Errorf("filter=%.200q: want a CESQL expression such as severity = 'page' AND EXISTS pod", text)
		}
	}()
	x, err = parser.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("filter=%.200q: want a CESQL expression such as severity = 'page' AND EXISTS pod: %s", text, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return x, nil
}
