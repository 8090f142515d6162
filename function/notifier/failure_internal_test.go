package notifier

import (
	"testing"
	"time"
)

func TestRestFor(t *testing.T) {
	now := time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"":                              time.Second,
		"0":                             time.Second,
		"30":                            30 * time.Second,
		"-5":                            time.Second,
		"soon":                          time.Second,
		"99999999999":                   time.Hour,
		"Fri, 20 Nov 2026 22:01:00 GMT": time.Minute,
		"Fri, 20 Nov 2026 21:00:00 GMT": time.Second,
	} {
		if got := restFor(text, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", text, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for name, test := range map[string]struct{ text, url, want string }{
		"the URL":        {"post https://hooks.example/services/T0/geheim: no", "https://hooks.example/services/T0/geheim", "post ***: no"},
		"a part of it":   {"token geheim is wrong", "telegram://123:geheim@telegram?chats=@ops-channel", "token *** is wrong"},
		"its query":      {"no chat @ops-channel", "telegram://123:geheim@telegram?chats=@ops-channel", "no chat ***"},
		"what is quoted": {"no such key a b%20c", "https://x.example/a%20b%2520c", "no such key ***"},
		"nothing":        {"connection refused", "https://x.example/geheim", "connection refused"},
	} {
		if got := redact(test.text, test.url); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestCutMrkdwn(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		most int
		want string
	}{
		"as long":              {"abcdefghij", 10, "abcdefghij"},
		"longer":               {"abcdefghijk", 10, "abcde…"},
		"within an entity":     {"abcd&amp;efghijk", 10, "abcd…"},
		"after an entity":      {"&lt;efghijk", 10, "&lt;e…"},
		"within a link":        {"ab<http://a.example|x>", 10, "ab…"},
		"within code":          {"```\nabcdefghijklmn\n```", 14, "```\nabcde…\n```"},
		"between wide letters": {"🔥🔥🔥🔥🔥🔥", 10, "🔥🔥…"},
	} {
		if got := cutMrkdwn(test.text, test.most); got != test.want || width(got) > test.most {
			t.Errorf("%s: %q (%d wide), want %q", name, got, width(got), test.want)
		}
	}
}
