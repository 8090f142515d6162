package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// slackSender posts to a channel with a bot's token, or to an incoming webhook,
// which does not say where its messages stand, and so has no threads.
type slackSender struct {
	channel string
	token   secret
	webhook secret
	apiURL  string
	fields  []string
	client  *http.Client
}

func newSlack(e *entry) (*slackSender, error) {
	s := &slackSender{
		channel: e.Channel, token: secret(e.TokenFile), webhook: secret(e.WebhookFile), apiURL: slack.APIURL, fields: e.Fields, client: newClient(),
	}
	switch {
	case (e.TokenFile == "") == (e.WebhookFile == ""):
		return nil, errors.New("tokenFile: want it (with channel) or webhookFile, and not both")
	case e.WebhookFile != "":
		if e.Channel != "" || e.APIURL != "" {
			return nil, errors.New("channel, apiURL: not with webhookFile, which leads to a channel of its own")
		}
		return s, checkURL("webhookFile", s.webhook)
	case e.Channel == "":
		return nil, errors.New("channel: missing; want a channel's id such as C012AB3CD, or its name")
	}
	if e.APIURL != "" {
		u, err := url.Parse(e.APIURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return nil, errors.New("apiURL: want an absolute URL such as https://slack-gov.com/api/")
		}
		s.apiURL = strings.TrimSuffix(e.APIURL, "/") + "/"
	}
	if _, err := s.token.read(); err != nil {
		return nil, fmt.Errorf("tokenFile: %w", err)
	}
	return s, nil
}

// checkURL says whether a file holds an http or https URL, without telling it.
func checkURL(field string, s secret) error {
	text, err := s.read()
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("%s: %s does not hold an absolute http or https URL", field, string(s))
	}
	return nil
}

func (s *slackSender) dialect() dialect { return mrkdwn }

func (s *slackSender) send(ctx context.Context, m *message) (thread, *failure) {
	if s.webhook != "" {
		return thread{}, s.sendWebhook(ctx, m)
	}
	token, err := s.token.read()
	if err != nil {
		return thread{}, &failure{err: err}
	}
	api := slack.New(token, slack.OptionAPIURL(s.apiURL), slack.OptionHTTPClient(s.client))
	layout := blocks(m, s.fields)
	at, f := s.post(ctx, api, m, layout)
	if f != nil && m.thread.ts != "" && gone[f.reason] { // the thread was deleted: begin another
		m.thread = thread{}
		layout = blocks(m, s.fields)
		at, f = s.post(ctx, api, m, layout)
	}
	if f != nil && (f.reason == "invalid_blocks" || f.reason == "msg_blocks_too_long") { // better plain than not at all
		at, f = s.post(ctx, api, m, nil)
	}
	return at, f
}

var gone = map[string]bool{"thread_not_found": true, "message_not_found": true, "cannot_reply_to_message": true}

func (s *slackSender) post(ctx context.Context, api *slack.Client, m *message, layout []slack.Block) (thread, *failure) {
	channel := s.channel
	options := []slack.MsgOption{
		slack.MsgOptionText(fallback(m), false), slack.MsgOptionParse(false), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
	if layout != nil {
		options = append(options, slack.MsgOptionBlocks(layout...))
	}
	if m.thread.ts != "" {
		channel = m.thread.channel
		options = append(options, slack.MsgOptionTS(m.thread.ts))
	}
	channel, ts, posted, err := api.PostMessageWithResponseContext(ctx, channel, options...)
	if err != nil {
		return thread{}, slackFailure(err)
	}
	if m.thread.ts != "" && posted.ThreadTimestamp == m.thread.ts {
		return m.thread, nil
	}
	return thread{channel, ts}, nil // the first, or one that Slack put beside a thread that is gone
}

// passing are the errors of Slack's that may pass. After the last two it may have
// been posted.
var passing = map[string]bool{
	"ratelimited": true, "rate_limited": true, "message_limit_exceeded": true, "team_added_to_org": true,
	"service_unavailable": true, "request_timeout": true, "internal_error": true, "fatal_error": true,
}

// mend says what people can do about an error.
var mend = map[string]string{
	"channel_not_found":      "is the channel's id right, and the app invited to it where it is private?",
	"not_in_channel":         "invite the app to the channel",
	"is_archived":            "the channel is archived",
	"invalid_auth":           "is the token in tokenFile right?",
	"not_authed":             "is there a token in tokenFile?",
	"token_revoked":          "put the app's new token into tokenFile",
	"token_expired":          "put the app's new token into tokenFile",
	"account_inactive":       "the app was removed from the workspace",
	"missing_scope":          "the app needs the scope chat:write",
	"restricted_action":      "the workspace lets the app not post there",
	"not_allowed_token_type": "want a bot's token, xoxb-…",
}

// slackFailure is what an error of the client's means.
func slackFailure(err error) *failure {
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var says slack.SlackErrorResponse
	switch {
	case errors.As(err, &limited):
		return &failure{err: err, after: min(max(limited.RetryAfter, minRest), maxRest)}
	case errors.As(err, &status):
		return refusedBy(&http.Response{StatusCode: status.Code, Status: status.Status}, "", time.Now())
	case errors.As(err, &says):
		if passing[says.Err] {
			f := &failure{err: err, maybe: says.Err == "internal_error" || says.Err == "fatal_error"}
			if strings.Contains(says.Err, "limit") {
				f.after = minRest
			}
			return f
		}
		hint := mend[says.Err]
		if detail := strings.Join(says.ResponseMetadata.Messages, "; "); hint == "" && detail != "" {
			hint = detail
		}
		if hint != "" {
			err = fmt.Errorf("%.100s: %.300s", says.Err, hint)
		}
		return &failure{err: fmt.Errorf("slack: %w", err), reason: says.Err}
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return &failure{err: fmt.Errorf("answered no JSON: %w", err), maybe: true}
	}
	return unreached(err)
}

func (s *slackSender) sendWebhook(ctx context.Context, m *message) *failure {
	to, err := s.webhook.read()
	if err != nil {
		return &failure{err: err}
	}
	layout := slack.Blocks{BlockSet: blocks(m, s.fields)}
	unfurl := false
	body, err := json.Marshal(slack.WebhookMessage{Text: fallback(m), Parse: "none", Blocks: &layout, UnfurlLinks: &unfurl, UnfurlMedia: &unfurl})
	if err != nil {
		return &failure{err: err, reason: ReasonRefused}
	}
	return post(ctx, s.client, to, http.Header{"Content-Type": {"application/json"}}, body)
}
