package notifier_test

import (
	"strings"
	"testing"

	"github.com/quench-dev/quench/function/notifier"
	"github.com/quench-dev/quench/tests/slack"
)

// A mistake is named with receiver and field, and no secret is.
func TestParseSaysWhatIsWrong(t *testing.T) {
	const secretText = "https://hooks.slack.example/services/T0/B0/geheim"
	token, hook, other := file(t, slack.Token), file(t, secretText), file(t, "mystery://geheim@example")
	blank := file(t, "")
	bot := "name: a, type: slack, channel: C1, tokenFile: " + token
	for name, test := range map[string]struct{ text, says string }{
		"nothing":                     {"", "receivers: got 0, want 1 to 50"},
		"no YAML":                     {"receivers: [", "notifier.yaml: "},
		"another field":               {"receiver: []", `unknown field "receiver"; want receivers:, a list`},
		"no list":                     {"receivers: {}", "receivers: got a object, want a list"},
		"no mapping":                  {"receivers: [a]", "receivers[0]: got a string, want a mapping"},
		"an unknown field":            {"receivers: [{name: a, chanel: b}]", `receivers[0]: unknown field "chanel"`},
		"no string":                   {"receivers: [{name: 1}]", "receivers[0]: name: got a number, want a string, in quotes"},
		"no name":                     {"receivers: [{type: slack}]", `receivers[0]: name: got "", want up to 40 lower-case letters`},
		"a name with a slash":         {"receivers: [{name: a/b}]", `receivers[0] ("a/b"): name: got "a/b"`},
		"a name twice":                {"receivers: [{" + bot + "}, {" + bot + "}]", `receivers[1] ("a"): name: taken`},
		"another type":                {"receivers: [{name: a, type: slak}]", `type: got "slak", want slack, webhook or shoutrrr`},
		"no matcher":                  {"receivers: [{" + bot + ", match: ['severity=']}]", `match[0]: got "severity="`},
		"no token":                    {"receivers: [{name: a, type: slack, channel: C1}]", "tokenFile: want it (with channel) or webhookFile"},
		"no file":                     {"receivers: [{name: a, type: slack, channel: C1, tokenFile: /none}]", "tokenFile: read secret: open /none"},
		"an empty file":               {"receivers: [{name: a, type: slack, channel: C1, tokenFile: " + blank + "}]", "is empty"},
		"no channel":                  {"receivers: [{name: a, type: slack, tokenFile: " + token + "}]", "channel: missing"},
		"a channel with a webhook":    {"receivers: [{name: a, type: slack, channel: C1, webhookFile: " + hook + "}]", "not with webhookFile"},
		"a token for a webhook's URL": {"receivers: [{name: a, type: slack, webhookFile: " + token + "}]", "does not hold an absolute http or https URL"},
		"another API":                 {"receivers: [{" + bot + ", apiURL: slack.com}]", "apiURL: want an absolute URL"},
		"a field of another type":     {"receivers: [{" + bot + ", url: 'http://a.b/'}]", "url: not for type slack, which has channel, tokenFile"},
		"no such kind":                {"receivers: [{" + bot + ", templates: {fired: {title: x}}}]", "templates.fired: no such kind; want one of firing, resolved, enriched, outcome"},
		"a template that is none":     {"receivers: [{" + bot + ", templates: {firing: {title: '{{ .Name'}}}]", "templates.firing.title: "},
		"a field that there is not":   {"receivers: [{" + bot + ", templates: {firing: {text: '{{ .Nme }}'}}}]", "templates.firing.text: "},
		"another kind's part":         {"receivers: [{" + bot + ", templates: {firing: {text: '{{ .Outcome.Reason }}'}}}]", "templates.firing.text: "},
		"no URL":                      {"receivers: [{name: a, type: webhook}]", "url: want it, or urlFile"},
		"a URL with a password":       {"receivers: [{name: a, type: webhook, url: 'http://u:geheim@a.b/'}]", "url: want an absolute http or https URL, without a password"},
		"no header":                   {"receivers: [{name: a, type: webhook, url: 'http://a.b/', headers: [{name: 'A B', value: c}]}]", "headers[0].name: "},
		"a header of nothing":         {"receivers: [{name: a, type: webhook, url: 'http://a.b/', headers: [{name: A}]}]", "headers[0].value: want it, or valueFile"},
		"a body that is no JSON":      {"receivers: [{name: a, type: webhook, url: 'http://a.b/', body: '{{ .Title }}'}]", "body: of kind firing: what the template writes is no JSON"},
		"a content type without body": {"receivers: [{name: a, type: webhook, url: 'http://a.b/', contentType: text/plain}]", "contentType: only with body"},
		"no shoutrrr URL":             {"receivers: [{name: a, type: shoutrrr}]", "urlFile: missing"},
		"a service that there is not": {"receivers: [{name: a, type: shoutrrr, urlFile: " + other + "}]", "does not hold a shoutrrr URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := notifier.Parse("notifier.yaml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.HasPrefix(err.Error(), "notifier.yaml: ") {
				t.Errorf("got %v, want %q", err, test.says)
			}
			if err != nil && strings.Contains(err.Error(), "geheim") {
				t.Errorf("%v tells a secret", err)
			}
		})
	}
}
