package slack

import (
	"fmt"
	"slices"
	"unicode/utf16"
)

// Block is a layout block, as it is in JSON.
type Block map[string]any

// The published limits. Texts are counted in UTF-16 code units, the least that
// "characters" can mean there. maxTotal is published nowhere: a message is refused
// from about that size on.
const (
	maxBlocks   = 50
	maxID       = 255
	maxHeader   = 150
	maxSection  = 3000
	maxFields   = 10
	maxField    = 2000
	maxContext  = 10
	maxActions  = 25
	maxButton   = 75
	maxURL      = 3000
	maxFallback = 40000
	maxTotal    = 13000
)

// members are what a block of a type may have beside type and block_id.
var members = map[string][]string{
	"header":  {"text"},
	"section": {"text", "fields", "accessory", "expand"},
	"context": {"elements"},
	"actions": {"elements"},
	"divider": {},
}

// rules collects what is wrong with a message.
type rules struct {
	wrong   []string
	blocks  map[string]bool
	actions map[string]bool
	total   int
}

// refuse says by which code a message is refused, and why; no code where it is taken.
func refuse(m Message) (code string, wrong []string) {
	switch {
	case m.Text == "": // what a screen reader and a notification have
		return "no_text", nil
	case len(m.Text) > maxFallback:
		return "msg_too_long", nil
	}
	r := &rules{blocks: map[string]bool{}, actions: map[string]bool{}}
	r.that(len(m.Blocks) <= maxBlocks, "blocks", "no more than %d items allowed", maxBlocks)
	for i, b := range m.Blocks {
		r.block(fmt.Sprintf("/blocks/%d", i), b)
	}
	if len(r.wrong) > 0 {
		return "invalid_blocks", r.wrong
	}
	if r.total > maxTotal {
		return "msg_blocks_too_long", nil
	}
	return "", nil
}

func (r *rules) that(ok bool, at, format string, args ...any) {
	if !ok {
		r.wrong = append(r.wrong, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", fmt.Sprintf(format, args...), at))
	}
}

func (r *rules) block(at string, b Block) {
	kind, _ := b["type"].(string)
	allowed, ok := members[kind]
	if !ok {
		r.that(false, at, "unsupported type: %s", kind)
		return
	}
	for name := range b {
		r.that(name == "type" || name == "block_id" || slices.Contains(allowed, name), at+"/"+name, "no more items allowed")
	}
	if id, given := b["block_id"].(string); given {
		r.that(len(id) <= maxID && id != "" && !r.blocks[id], at+"/block_id", "want a block_id of its own, of at most %d", maxID)
		r.blocks[id] = true
	}
	switch kind {
	case "header":
		r.text(at+"/text", b["text"], maxHeader, "plain_text")
	case "section":
		r.section(at, b)
	case "context":
		list := r.list(at+"/elements", b["elements"], maxContext)
		for i, e := range list {
			r.text(fmt.Sprintf("%s/elements/%d", at, i), e, maxSection, "plain_text", "mrkdwn")
		}
	case "actions":
		for i, e := range r.list(at+"/elements", b["elements"], maxActions) {
			r.button(fmt.Sprintf("%s/elements/%d", at, i), e)
		}
	}
}

func (r *rules) section(at string, b Block) {
	_, text := b["text"]
	_, fields := b["fields"]
	r.that(text || fields, at, "missing required field: text or fields")
	if text {
		r.text(at+"/text", b["text"], maxSection, "plain_text", "mrkdwn")
	}
	if fields {
		for i, f := range r.list(at+"/fields", b["fields"], maxFields) {
			r.text(fmt.Sprintf("%s/fields/%d", at, i), f, maxField, "plain_text", "mrkdwn")
		}
	}
	if a, given := b["accessory"]; given {
		r.button(at+"/accessory", a)
	}
}

func (r *rules) list(at string, v any, most int) []any {
	list, _ := v.([]any)
	r.that(len(list) >= 1 && len(list) <= most, at, "want 1 to %d items, got %d", most, len(list))
	return list
}

func (r *rules) button(at string, v any) {
	b, _ := v.(map[string]any)
	r.that(b["type"] == "button", at, "unsupported type: %v", b["type"])
	r.text(at+"/text", b["text"], maxButton, "plain_text")
	id, _ := b["action_id"].(string)
	r.that(id != "" && len(id) <= maxID && !r.actions[id], at+"/action_id", "want an action_id of its own, of at most %d", maxID)
	r.actions[id] = true
	url, _ := b["url"].(string)
	r.that(len(url) <= maxURL, at+"/url", "must be at most %d characters", maxURL)
}

func (r *rules) text(at string, v any, most int, types ...string) {
	t, _ := v.(map[string]any)
	kind, _ := t["type"].(string)
	r.that(slices.Contains(types, kind), at, "want a text object of type %v, got %v", types, kind)
	s, _ := t["text"].(string)
	n := len(utf16.Encode([]rune(s)))
	r.total += n
	r.that(n >= 1, at+"/text", "must be more than 0 characters")
	r.that(n <= most, at+"/text", "must be less than %d characters", most+1)
	_, emoji := t["emoji"]
	r.that(!emoji || kind == "plain_text", at+"/emoji", "only for plain_text")
	_, verbatim := t["verbatim"]
	r.that(!verbatim || kind == "mrkdwn", at+"/verbatim", "only for mrkdwn")
	for name := range t {
		r.that(slices.Contains([]string{"type", "text", "emoji", "verbatim"}, name), at+"/"+name, "no more items allowed")
	}
}

// texts are a block's.
func (b Block) texts() (all []string) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if s, ok := v["text"].(string); ok {
				all = append(all, s)
				return
			}
			for _, name := range []string{"text", "fields", "elements", "accessory"} {
				walk(v[name])
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(map[string]any(b))
	return all
}
