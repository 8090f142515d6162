package history

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxLimit is the most that a query may ask for at once; DefaultLimit is what one
// gets that asks for no number.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// maxFilter is the longest filter, in bytes: what an HTTP header may hold of it.
const maxFilter = 16 << 10

// Query says which entries. The zero value is all of them, oldest first.
type Query struct {
	// Since and Until bound Received: from Since on, before Until. Zero: no bound.
	Since, Until time.Time
	// Attributes are values that attributes must have exactly.
	Attributes map[string]string
	// Filter is a CESQL expression that must be true; an entry that it cannot be
	// evaluated for does not match, as in a Trigger.
	Filter            string
	CorrelationID, ID string
	// DeadLetters are those that were dead-lettered; Pending those that wait still.
	DeadLetters, Pending bool
	// Descending lists the newest first.
	Descending bool
	// After is the Seq of the last entry that is known: what follows it in the
	// order of the list is asked for. 0: from the start.
	After int64
	// Limit is the most entries of a page; 0: DefaultLimit.
	Limit int
}

// Values is the query as parameters of the archive's HTTP API.
func (q Query) Values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	setTime := func(name string, t time.Time) {
		if !t.IsZero() {
			v.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	setTrue := func(name string, is bool) {
		if is {
			v.Set(name, "true")
		}
	}
	setTime("since", q.Since)
	setTime("until", q.Until)
	for _, name := range slices.Sorted(maps.Keys(q.Attributes)) {
		v.Add("attribute", name+"="+q.Attributes[name])
	}
	set("filter", q.Filter)
	set("correlationid", q.CorrelationID)
	set("id", q.ID)
	setTrue("deadletters", q.DeadLetters)
	setTrue("pending", q.Pending)
	setTrue("descending", q.Descending)
	if q.After > 0 {
		v.Set("after", strconv.FormatInt(q.After, 10))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// ParseQuery reads what Values writes. The error names the parameter, what it
// holds and what would be right; parameters that are not known are errors, too.
func ParseQuery(v url.Values) (Query, error) {
	var q Query
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if name != "attribute" && len(v[name]) > 1 {
			return Query{}, fmt.Errorf("%s: given %d times, want once", name, len(v[name]))
		}
		for _, value := range v[name] {
			if err := q.set(name, value); err != nil {
				return Query{}, err
			}
		}
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return Query{}, fmt.Errorf("until=%s: want a time after since (%s)", v.Get("until"), v.Get("since"))
	}
	return q, nil
}

func (q *Query) set(name, value string) (err error) {
	switch name {
	case "since":
		q.Since, err = parseTime(name, value)
	case "until":
		q.Until, err = parseTime(name, value)
	case "attribute":
		err = q.setAttribute(value)
	case "filter":
		q.Filter = value
		_, err = compile(value)
	case "correlationid":
		q.CorrelationID = value
	case "id":
		q.ID = value
	case "deadletters":
		q.DeadLetters, err = parseBool(name, value)
	case "pending":
		q.Pending, err = parseBool(name, value)
	case "descending":
		q.Descending, err = parseBool(name, value)
	case "after":
		q.After, err = strconv.ParseInt(value, 10, 64)
		if err != nil || q.After < 0 {
			err = fmt.Errorf("after=%.40q: want the next of an answer, a whole number", value)
		}
	case "limit":
		q.Limit, err = strconv.Atoi(value)
		if err != nil || q.Limit < 1 || q.Limit > MaxLimit {
			err = fmt.Errorf("limit=%.40q: want a whole number from 1 to %d", value, MaxLimit)
		}
	default:
		err = fmt.Errorf("%.40q is no parameter: want since, until, attribute, filter, correlationid, id, deadletters, pending, descending, after or limit", name)
	}
	return err
}

func (q *Query) setAttribute(pair string) error {
	name, value, ok := strings.Cut(pair, "=")
	if !ok || !attributeName(name) {
		return fmt.Errorf("attribute=%.60q: want name=value, the name in lower-case letters and digits, such as alertname=DiskFull", pair)
	}
	if old, is := q.Attributes[name]; is && old != value {
		return fmt.Errorf("attribute=%.60q: %s is asked to be %.40q, too, which no event can fulfil", pair, name, old)
	}
	if q.Attributes == nil {
		q.Attributes = map[string]string{}
	}
	q.Attributes[name] = value
	return nil
}

func attributeName(name string) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func parseTime(name, value string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s=%.40q: want a time such as 2026-11-20T22:00:00Z", name, value)
	}
	return t.UTC(), nil
}

func parseBool(name, value string) (bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("%s=%.40q: want true or false", name, value)
	}
	return b, nil
}
