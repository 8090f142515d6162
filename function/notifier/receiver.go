package notifier

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
)

// Receiver is where messages go.
type Receiver struct {
	Name string
	Type string // slack, webhook or shoutrrr

	match    []labels.Matchers // one of them is enough; none: every alert
	messages *messages
	sender   sender

	mu   sync.Mutex
	rest time.Time // until when it asked to be left alone
}

var receiverName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// receiver makes what an entry describes. Errors name the field.
func (e *entry) receiver() (*Receiver, error) {
	if !receiverName.MatchString(e.Name) {
		return nil, fmt.Errorf("name: got %.60q, want up to 40 lower-case letters, digits and -", e.Name)
	}
	r := &Receiver{Name: e.Name, Type: e.Type}
	var errs []error
	for i, text := range e.Match {
		m, err := parse.Matchers(text)
		if err == nil && len(m) == 0 {
			err = errors.New("no matcher")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf(`match[%d]: got %.200q: %w; want Alertmanager's matchers, such as severity="critical",namespace=~"shop-.+"`, i, text, err))
		}
		r.match = append(r.match, m)
	}
	var err error
	r.sender, err = e.sender()
	errs = append(errs, err)
	if err == nil {
		r.messages, err = newMessages(r.sender.dialect(), e.Templates)
		errs = append(errs, err)
	}
	return r, errors.Join(errs...)
}

// sender makes what posts for the entry's type, and refuses what does not go with it.
func (e *entry) sender() (sender, error) {
	switch e.Type {
	case "slack":
		if err := e.only("channel", "tokenFile", "webhookFile", "apiURL", "fields"); err != nil {
			return nil, err
		}
		return newSlack(e)
	case "webhook":
		if err := e.only("url", "urlFile", "headers", "body", "contentType", "signatureFile"); err != nil {
			return nil, err
		}
		return newWebhook(e)
	case "shoutrrr":
		if err := e.only("urlFile"); err != nil {
			return nil, err
		}
		return newShoutrrr(e)
	}
	return nil, fmt.Errorf("type: got %.40q, want slack, webhook or shoutrrr", e.Type)
}

// only says which field is given that does not go with the type.
func (e *entry) only(fields ...string) error {
	given := map[string]bool{
		"channel": e.Channel != "", "tokenFile": e.TokenFile != "", "webhookFile": e.WebhookFile != "", "apiURL": e.APIURL != "",
		"fields": e.Fields != nil, "url": e.URL != "", "urlFile": e.URLFile != "", "headers": e.Headers != nil, "body": e.Body != "",
		"contentType": e.ContentType != "", "signatureFile": e.SignatureFile != "",
	}
	for _, f := range fields {
		delete(given, f)
	}
	for f, is := range given {
		if is {
			return fmt.Errorf("%s: not for type %s, which has %s", f, e.Type, strings.Join(fields, ", "))
		}
	}
	return nil
}

// concerns says whether a message about an alert with these labels is for it.
func (r *Receiver) concerns(of map[string]string) bool {
	if len(r.match) == 0 {
		return true
	}
	set := make(model.LabelSet, len(of))
	for name, value := range of {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	for _, m := range r.match {
		if m.Matches(set) {
			return true
		}
	}
	return false
}

// leave remembers that the receiver asked to be left alone.
func (r *Receiver) leave(until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until.After(r.rest) {
		r.rest = until
	}
}

// resting is for how long it still asks to be left alone.
func (r *Receiver) resting(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.rest.Sub(now), 0)
}
