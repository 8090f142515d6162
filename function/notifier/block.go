package notifier

import (
	"maps"
	"slices"
	"strings"

	"github.com/slack-go/slack"
)

// Slack's limits of a message, in its own counting, and ours where a message of as
// many blocks as that would be refused as a whole (msg_blocks_too_long, from some
// 13,000 characters).
const (
	maxHeader   = 150
	maxSection  = 3000
	maxFields   = 10
	maxField    = 200
	maxFallback = 1000
)

// againText marks what may stand there twice.
const againText = "Sent again: whether this got through before cannot be told."

// blocks lay a message out. The first of a thread has a header, and the labels as
// fields; what follows in it is shorter.
func blocks(m *message, fields []string) []slack.Block {
	var all []slack.Block
	text := m.text
	if m.thread.ts == "" {
		all = append(all, slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, cut(m.title, maxHeader), true, false)))
	} else {
		text = strings.TrimSpace(mrkdwn.bold(cut(m.title, maxHeader)) + "\n" + text)
	}
	if text != "" {
		all = append(all, slack.NewSectionBlock(written(cutMrkdwn(text, maxSection)), nil, nil))
	}
	if m.thread.ts == "" {
		if list := labelFields(m.notice, fields); len(list) > 0 {
			all = append(all, slack.NewSectionBlock(nil, list, nil))
		}
	}
	if m.again {
		all = append(all, slack.NewContextBlock("", written(againText)))
	}
	return all
}

// written is text in mrkdwn, of which Slack makes no more links than we do.
func written(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}

// labelFields are the labels that are asked for or, where none are, all, by name.
func labelFields(n *Notice, names []string) []*slack.TextBlockObject {
	if names == nil {
		for _, name := range slices.Sorted(maps.Keys(n.Labels)) {
			if name != "alertname" {
				names = append(names, name)
			}
		}
	}
	var list []*slack.TextBlockObject
	for _, name := range names {
		value, ok := n.Labels[name]
		if !ok || strings.TrimSpace(value) == "" || len(list) == maxFields {
			continue
		}
		list = append(list, written(mrkdwn.bold(cut(name, maxField))+"\n"+mrkdwn.escape(cut(value, maxField))))
	}
	return list
}

// fallback is what stands in a notification, and where blocks are not shown.
func fallback(m *message) string { return mrkdwn.escape(cut(m.title, maxFallback)) }

// cutMrkdwn cuts a text that is escaped already, and leaves neither half an entity,
// nor half a link, nor an open block of code.
func cutMrkdwn(s string, most int) string {
	if width(s) <= most {
		return s
	}
	const closing = "\n```"
	s = strings.TrimSuffix(cut(s, most-width(closing)), "…")
	if i := strings.LastIndexByte(s, '&'); i >= 0 && len(s)-i < len("&amp;") && !strings.Contains(s[i:], ";") {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '<'); i > strings.LastIndexByte(s, '>') {
		s = s[:i]
	}
	s = strings.TrimRight(s, "`") + "…"
	if strings.Count(s, "```")%2 == 1 {
		s += closing
	}
	return s
}
