// Package client reads an archive's HTTP API, and hands it events.
//
// What may go wrong: an answer that is larger than MaxPage is asked for in smaller
// parts; one event that is larger is an error. What the archive refuses is a
// *StatusError with its own words. A list that takes long may be cut off by ctx at
// any entry; what was handed over is whole.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quench-dev/quench/knative/history"
)

const (
	// MaxPage bounds one answer, in bytes.
	MaxPage = 64 << 20
	// pageLimit is how many entries are asked for at once.
	pageLimit = 200
	// pageTimeout bounds one answer in time.
	pageTimeout = time.Minute

	errorBytes = 4 << 10
)

var errTooLarge = errors.New("the answer is too large")

// Archive is one archive. It may be used from several goroutines.
type Archive struct {
	name   string
	base   *url.URL
	client *http.Client
}

// At is the archive at a URL. The error says what would be one, and holds no
// password.
func At(address string) (*Archive, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%.200q: want the archive's URL, such as http://localhost:8080/", address[strings.LastIndexByte(address, '@')+1:])
	}
	return New(u.Redacted(), u, &http.Client{}), nil
}

// New is the archive at base, reached by client, which must have no timeout of its
// own. name is what errors call it.
func New(name string, base *url.URL, client *http.Client) *Archive {
	return &Archive{name: name, base: base, client: client}
}

// String is what people call it.
func (a *Archive) String() string { return a.name }

// StatusError is an answer that is none of what was asked for.
type StatusError struct {
	By   string
	Code int
	Text string // the archive's own words
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s: %d %s", e.By, e.Code, http.StatusText(e.Code))
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// List hands over what a query asks for, page by page, up to most entries; 0 means
// all. It ends with the first error of each.
func (a *Archive) List(ctx context.Context, q history.Query, most int, each func(history.Entry) error) error {
	return a.list(ctx, "api/v1/events", q, most, each)
}

// Story is all that is known of one incarnation of an alert, in the order in which
// it came; nothing where nothing is known.
func (a *Archive) Story(ctx context.Context, correlationID string) ([]history.Entry, error) {
	var all []history.Entry
	err := a.list(ctx, "api/v1/stories/"+url.PathEscape(correlationID), history.Query{}, 0, func(e history.Entry) error {
		all = append(all, e)
		return nil
	})
	return all, err
}

func (a *Archive) list(ctx context.Context, path string, q history.Query, most int, each func(history.Entry) error) error {
	given := 0
	q.Limit = pageLimit
	for {
		if most > 0 {
			q.Limit = min(q.Limit, most-given)
		}
		var page history.Page
		err := a.get(ctx, path, q.Values(), &page)
		if errors.Is(err, errTooLarge) && q.Limit > 1 {
			q.Limit = (q.Limit + 1) / 2
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			if err := each(e); err != nil {
				return err
			}
			if given++; given == most {
				return nil
			}
		}
		if page.Next == "" {
			return nil
		}
		if q.After, err = next(page.Next, q.After); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
}

// next is the cursor of what follows; one that stands still would never end.
func next(text string, after int64) (int64, error) {
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seq == after {
		return 0, fmt.Errorf("read list: next=%.40q after %d: want another sequence number", text, after)
	}
	return seq, nil
}

// Get is the entry of a sequence number.
func (a *Archive) Get(ctx context.Context, seq int64) (history.Entry, error) {
	var e history.Entry
	return e, a.get(ctx, "api/v1/events/"+strconv.FormatInt(seq, 10), nil, &e)
}

func (a *Archive) get(ctx context.Context, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	resp, err := a.open(ctx, path, query, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxPage+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: read answer: %w", a.name, err)
	case len(body) > MaxPage:
		return fmt.Errorf("%s: %w: more than %d bytes", a.name, errTooLarge, MaxPage)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: read answer: %w", a.name, err)
	}
	return nil
}

// open asks, and answers a response of status 200.
func (a *Archive) open(ctx context.Context, path string, query url.Values, header http.Header) (*http.Response, error) {
	u := a.base.JoinPath(path)
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	resp, err := a.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", a.name, withoutURL(err))
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, a.refusal(resp)
	}
	return resp, nil
}

// refusal reads what the archive, or who stands before it, says of a refusal.
func (a *Archive) refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, errorBytes))
	var said struct{ Error, Message string } // the archive's, and the API server's
	text := strings.ToValidUTF8(string(bytes.TrimSpace(body)), "")
	if json.Unmarshal(body, &said) == nil {
		text = said.Error
		if text == "" {
			text = said.Message
		}
	}
	return &StatusError{a.name, resp.StatusCode, text}
}

// withoutURL takes the URL, which may hold a password, off an error.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
