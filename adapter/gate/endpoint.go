package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

const (
	maxAnswer = 16 << 20 // bytes: about 25,000 alerts
	maxText   = 200      // bytes of what an endpoint says is wrong
	maxReason = 500      // bytes of why it cannot be asked
)

// kind is a kind of endpoint: its name, and how its alerts are asked for.
type kind struct {
	name   string
	path   string
	query  url.Values
	decode func(body []byte) ([]labels, error) // those that fire
}

// labels of an alert.
type labels map[string]string

// endpoint is a Prometheus or an Alertmanager.
type endpoint struct {
	kind    kind
	name    string // its URL without user, password and query
	url     string
	client  *http.Client
	counts  choice
	metrics *metrics
}

func newEndpoint(k kind, base *url.URL, client *http.Client, counts choice, m *metrics) *endpoint {
	at := base.JoinPath(k.path)
	query := at.Query()
	for name, values := range k.query {
		query[name] = values
	}
	at.RawQuery = query.Encode()
	name := url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path}
	e := &endpoint{kind: k, name: name.String(), url: at.String(), client: client, counts: counts, metrics: m}
	m.expect(e.name)
	return e
}

// ask gives the alerts that fire and count, as Prometheus writes label sets.
func (e *endpoint) ask(ctx context.Context) ([]string, error) {
	begun := time.Now()
	all, err := e.alerts(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("no whole answer within %s", time.Since(begun).Round(100*time.Millisecond))
	}
	e.metrics.asked(e.name, time.Since(begun), err)
	if err != nil {
		return nil, err
	}
	var firing []string
	for _, l := range all {
		if e.counts.has(l) {
			firing = append(firing, l.String())
		}
	}
	return firing, nil
}

func (e *endpoint) alerts(ctx context.Context) ([]labels, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url, http.NoBody)
	if err != nil {
		return nil, errors.New("its URL cannot be asked")
	}
	req.Header.Set("Accept", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxText)) // what there is of it
		return nil, fmt.Errorf("it answers %s", line(resp.Status+": "+string(text), 2*maxText))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read its answer: %w", withoutURL(err))
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("its answer is larger than %d MiB", maxAnswer>>20)
	}
	all, err := e.kind.decode(body)
	if err != nil {
		return nil, fmt.Errorf("its answer is not that of %s: %w", e.kind.path, err)
	}
	return all, nil
}

// String is as Prometheus writes it: {alertname="Down", severity="critical"}.
func (l labels) String() string {
	set := make(model.LabelSet, len(l))
	for name, value := range l {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.String()
}

// withoutURL takes the URL, which may hold a name and a password, off an error.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return withoutURL(u.Err)
	}
	return err
}

// line is text that others wrote, on one line and cut to so many bytes.
func line(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
}

// unmarshal is strict about there being one JSON value and nothing after it. Its
// error holds no more than a piece of what came.
func unmarshal(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w (it begins %q)", err, line(string(body[:min(len(body), 40)]), 40))
	}
	return nil
}
