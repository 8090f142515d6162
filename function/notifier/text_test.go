package notifier_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/tests/slack"
)

// What a label says is text: no mention, no link, no template.
func TestLabelsAreOnlyText(t *testing.T) {
	w := newWorld(t)
	const nasty = "<!channel> <@U1> <http://evil.example|click> & {{ .Alert }} *b* `c` ```d"
	a := functiontest.Alert(map[string]string{"alertname": nasty, "pod": nasty, "severity": nasty})
	a.Annotations = map[string]string{"summary": nasty, "description": nasty, "runbook_url": "javascript:alert(1)", nasty: nasty}
	a.GeneratorURL = "http://prometheus.example/?a=<!here>|x&b=1"
	own := `, templates: {resolved: {title: "{{ .Name }}", text: "{{ .Labels.pod }} {{ code .Labels.pod }} {{ quote .Labels.pod }} {{ bold .Labels.pod }} {{ link .Alert.GeneratorURL .Name }}"}}`
	f := w.pod(t, w.bot(t, own))
	deliver(t, f, functiontest.Event(t, a, w.Clock.Now()))
	deliver(t, f, functiontest.Event(t, functiontest.Resolved(a), w.Clock.Now()))
	got := w.slack.Messages()
	if len(got) != 2 {
		t.Fatalf("%d messages\n%s", len(got), w.log)
	}
	for _, m := range got {
		for _, b := range m.Blocks {
			if b["type"] == "header" { // plain text
				continue
			}
			all := slack.Message{Blocks: []slack.Block{b}}.All() + m.Text
			for _, never := range []string{"<!", "<@", "<http://evil", "javascript:", "<no value>"} {
				if strings.Contains(all, never) {
					t.Errorf("%q is in %s", never, all)
				}
			}
			if strings.Count(all, "```")%2 != 0 {
				t.Errorf("a block of code stays open in %s", all)
			}
		}
		if !strings.Contains(m.All(), "&lt;!channel&gt;") || !strings.Contains(m.All(), "{{ .Alert }}") {
			t.Errorf("the label is gone from %s", m.All())
		}
	}
}

// However long and odd what an alert says is, Slack takes the message.
func TestSlackTakesEveryMessage(t *testing.T) {
	for name, text := range map[string]string{
		"long":            strings.Repeat("lorem ipsum ", 1000),
		"of one word":     strings.Repeat("x", 20000),
		"to be escaped":   strings.Repeat("&<>", 5000),
		"of wide letters": strings.Repeat("🔥", 5000),
		"of links":        strings.Repeat("<http://a.example|b> ", 1000),
		"of blanks":       strings.Repeat(" \n\t", 1000),
		"of code":         strings.Repeat("`", 10000),
		"of controls":     "\x00\x1b[31m\u202e\ufeff",
		"empty":           "",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			labels := map[string]string{"alertname": text, "severity": text}
			for i := range 30 {
				labels["label_"+string(rune('a'+i%26))+strings.Repeat("x", i)] = text
			}
			a := functiontest.Alert(labels)
			a.Annotations = map[string]string{"summary": text, "description": text}
			own := `, templates: {firing: {text: "{{ range .Labels }}{{ quote . }}{{ bold . }}{{ . }}{{ end }}"}}`
			if len(text)*90 > 64<<10 { // more than a template may write: the default is used
				own = ""
			}
			f := w.pod(t, w.bot(t, own))
			deliver(t, f, functiontest.Event(t, a, w.Clock.Now()))
			deliver(t, f, functiontest.Event(t, functiontest.Resolved(a), w.Clock.Now()))
			got := w.slack.Messages()
			if len(got) != 2 || len(got[0].Blocks) == 0 || len(got[1].Blocks) == 0 {
				t.Fatalf("%d messages, or without blocks\n%s", len(got), w.log)
			}
			for _, m := range got {
				if !utf8.ValidString(m.All()) || strings.Contains(m.All(), "\uFFFD") {
					t.Errorf("a letter is cut in two: %q", m.All())
				}
			}
		})
	}
}

// A template that cannot be executed at last costs no message.
func TestTemplateThatFails(t *testing.T) {
	w := newWorld(t)
	f := w.pod(t, w.bot(t, `, templates: {firing: {title: "{{ if eq .Name \"KubePodCrashLooping\" }}ok{{ else }}{{ slice .Name 0 200 }}{{ end }}"}}`))
	deliver(t, f, firing(t, w.Clock.Now()))
	if got := w.slack.Messages(); len(got) != 1 || !strings.HasPrefix(got[0].Text, "🔥 PodCrashLooping is firing") {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(w.log.String(), "the receiver's own template cannot be used") {
		t.Errorf("log %s", w.log)
	}
}

// The labels that are asked for are fields, in this order.
func TestFields(t *testing.T) {
	w := newWorld(t)
	deliver(t, w.pod(t, w.bot(t, ", fields: [severity, namespace, none]")), firing(t, w.Clock.Now()))
	if got := w.slack.Messages()[0].All(); !strings.HasSuffix(got, "*severity*\ncritical\n*namespace*\nshop") {
		t.Errorf("got %s", got)
	}
}

// An outcome that does not say which alert it is about is told by its attributes, in the alert's thread.
func TestOutcomeWithoutItsAlert(t *testing.T) {
	w := newWorld(t)
	e := firing(t, w.Clock.Now())
	f := w.pod(t, w.bot(t, ""))
	deliver(t, f, e)
	o := rolledBack(t, e)
	o.SetExtension("alertname", "PodCrashLooping")
	o.SetExtension(alert.AttrCorrelationID, crash.CorrelationID())
	o.DataEncoded = []byte(`{"function":"job-results","eventId":"e","outcome":"failed","reason":"OOMKilled","message":"ended","actions":[]}`)
	deliver(t, f, o)
	got := w.slack.Messages()
	if len(got) != 2 || got[1].Thread != got[0].TS || !strings.Contains(got[1].Text, "job-results failed: OOMKilled (PodCrashLooping)") {
		t.Errorf("got %+v", got)
	}
}
