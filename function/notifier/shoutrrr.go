package notifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
	"github.com/nicholas-fedor/shoutrrr/pkg/util/jsonclient"
)

// maxUnderWay bounds the messages to one receiver that shoutrrr has not answered
// for. It takes no context, so that one to a service that never answers outlives
// its request.
const maxUnderWay = 20

// titled are the services that show a title apart, such as a mail's subject. The
// others get it as the message's first line.
var titled = map[string]bool{
	"bark": true, "generic": true, "gotify": true, "join": true, "ntfy": true, "opsgenie": true, "pushbullet": true,
	"pushover": true, "smtp": true, "teams": true,
}

// shoutrrr posts to one of the services that shoutrrr knows. Its URL is a secret as
// a whole; what the library says of errors often has it, and is told without.
type shoutrrr struct {
	url      secret
	underWay chan struct{}
}

func newShoutrrr(e *entry) (*shoutrrr, error) {
	s := &shoutrrr{url: secret(e.URLFile), underWay: make(chan struct{}, maxUnderWay)}
	if e.URLFile == "" {
		return nil, errors.New("urlFile: missing; want a file that holds a shoutrrr URL such as ntfy://ntfy.sh/topic")
	}
	to, err := s.url.read()
	if err != nil {
		return nil, fmt.Errorf("urlFile: %w", err)
	}
	if _, err := locate(to); err != nil {
		return nil, fmt.Errorf("urlFile: %s does not hold a shoutrrr URL: %w", string(s.url), err)
	}
	return s, nil
}

// locate finds the service that a URL is for.
func locate(to string) (types.Service, error) {
	silent, err := router.New(log.New(io.Discard, "", 0)) // it logs URLs
	if err != nil {
		return nil, err
	}
	service, err := silent.Locate(to)
	if err != nil {
		return nil, errors.New(redact(err.Error(), to))
	}
	return service, nil
}

func (s *shoutrrr) dialect() dialect { return chatText }

func (s *shoutrrr) send(ctx context.Context, m *message) (thread, *failure) {
	to, err := s.url.read()
	if err != nil {
		return thread{}, &failure{err: err}
	}
	service, err := locate(to)
	if err != nil {
		return thread{}, &failure{err: err, reason: ReasonRefused}
	}
	select {
	case s.underWay <- struct{}{}:
	default:
		return thread{}, &failure{err: fmt.Errorf("%d messages are not answered for yet", maxUnderWay)}
	}
	text, params := s.compose(service, m)
	sent := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil { // many services, with bytes from anywhere
				sent <- fmt.Errorf("panic: %v", p)
			}
			<-s.underWay
		}()
		sent <- service.Send(text, &params)
	}()
	select {
	case err = <-sent:
	case <-ctx.Done():
		return thread{}, &failure{err: fmt.Errorf("no answer: %w", context.Cause(ctx)), maybe: true}
	}
	if err == nil {
		return thread{}, nil
	}
	return thread{}, shoutrrrFailure(err, to)
}

func (s *shoutrrr) compose(service types.Service, m *message) (string, types.Params) {
	text := m.text
	if m.again {
		text += "\n" + againText
	}
	if titled[service.GetID()] && strings.TrimSpace(text) != "" {
		return text, types.Params{types.TitleKey: quiet(m.title)}
	}
	return strings.TrimSpace(quiet(m.title) + "\n" + text), types.Params{}
}

// shoutrrrFailure is what an error of the library's means. Only some services say
// the status; of the others each is taken for one that may pass, and the broker
// gives up in time.
func shoutrrrFailure(err error, secretURL string) *failure {
	says := errors.New(redact(err.Error(), secretURL))
	var answered jsonclient.Error
	if errors.As(err, &answered) && answered.StatusCode > 0 {
		resp := &http.Response{StatusCode: answered.StatusCode, Status: http.StatusText(answered.StatusCode)}
		f := refusedBy(resp, "", time.Now())
		f.err = says
		return f
	}
	var sent *url.Error
	if errors.As(err, &sent) {
		f := unreached(sent)
		f.err = errors.New(redact(f.err.Error(), secretURL))
		return f
	}
	return &failure{err: says, maybe: true}
}
