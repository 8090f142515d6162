package notifier

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// markup is text that is escaped already. Everything else that a template writes is
// escaped where it is written, so that a label is never more than text.
type markup string

// dialect is how a receiver wants text.
type dialect struct {
	name   string
	escape func(string) string
	// bold, code, block and link get text that is not escaped, and is not empty.
	bold, code, block func(string) string
	link              func(to, text string) string
}

// plainText is for people, without markup.
var plainText = dialect{
	name: "plain", escape: func(s string) string { return s },
	bold:  func(s string) string { return s },
	code:  func(s string) string { return s },
	block: func(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") },
	link:  func(to, text string) string { return text + ": " + to },
}

// chatText is for services that may take some words for everybody who is there.
var chatText = dialect{
	name: "chat", escape: quiet, bold: quiet, code: quiet,
	block: func(s string) string { return plainText.block(quiet(s)) },
	link:  func(to, text string) string { return quiet(text) + ": " + to },
}

// quiet breaks mentions by a blank without width.
var quiet = strings.NewReplacer(
	"@everyone", "@\u200beveryone", "@here", "@\u200bhere", "@channel", "@\u200bchannel", "@all", "@\u200ball", "<!", "<\u200b!", "<@", "<\u200b@",
).Replace

// jsonText is for values inside the quotes of a JSON string.
var jsonText = dialect{
	name: "json", escape: inJSON, bold: inJSON, code: inJSON, block: inJSON,
	link: func(to, text string) string { return inJSON(text + ": " + to) },
}

// mrkdwn is Slack's. In it &, < and > are all that mentions, links and commands can
// be made of.
var mrkdwn = dialect{
	name: "mrkdwn", escape: slackEscape.Replace,
	bold: func(s string) string {
		return "*" + slackEscape.Replace(strings.ReplaceAll(oneLine(s), "*", "∗")) + "*"
	},
	code: func(s string) string {
		return "`" + slackEscape.Replace(strings.ReplaceAll(oneLine(s), "`", "'")) + "`"
	},
	block: func(s string) string {
		return "```\n" + slackEscape.Replace(strings.ReplaceAll(s, "```", "'''")) + "\n```"
	},
	link: func(to, text string) string {
		return "<" + slackEscape.Replace(strings.ReplaceAll(to, "|", "%7C")) + "|" + slackEscape.Replace(oneLine(text)) + ">"
	},
}

var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "```", "'''")

func inJSON(s string) string {
	b, _ := json.Marshal(s) // strings always encode
	return string(b[1 : len(b)-1])
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// funcs are the functions that templates have.
func (d dialect) funcs() map[string]any {
	styled := func(with func(string) string) func(any) markup {
		return func(v any) markup {
			s := strings.TrimSpace(fmt.Sprint(v))
			if s == "" {
				return ""
			}
			return markup(with(s))
		}
	}
	return map[string]any{
		escaper: func(v any) markup {
			if m, ok := v.(markup); ok {
				return m
			}
			return markup(d.escape(fmt.Sprint(v)))
		},
		"bold": styled(d.bold), "code": styled(d.code), "quote": styled(d.block),
		"link": func(to, text string) markup {
			u, err := url.Parse(to)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				return "" // no link that leads elsewhere, such as javascript:
			}
			return markup(d.link(u.String(), text))
		},
		"cut": func(most int, s string) string { return cut(s, most) },
		"time": func(t time.Time) string {
			if t.IsZero() {
				return ""
			}
			return t.UTC().Format("2006-01-02 15:04:05 UTC")
		},
		"last": lastLines,
	}
}

// width counts as Slack does, which has limits in UTF-16 code units.
func width(s string) (n int) {
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// cut shortens a text to a width, between characters, with an ellipsis.
func cut(s string, most int) string {
	if width(s) <= most {
		return s
	}
	n, end := 0, 0
	for i, r := range s {
		n += width(string(r))
		if n > most-1 {
			end = i
			break
		}
	}
	return s[:end] + "…"
}

// lastLines is the end of a text, of at most so many bytes, from the beginning of a
// line where there is one.
func lastLines(most int, s string) string {
	s = strings.TrimRight(s, "\n")
	if len(s) <= most {
		return s
	}
	s = s[len(s)-most:]
	for len(s) > 0 && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	if _, rest, ok := strings.Cut(s, "\n"); ok && rest != "" {
		return "…\n" + rest
	}
	return "…" + s
}
