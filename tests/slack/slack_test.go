package slack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestRefusesAsSlackDoes(t *testing.T) {
	plain := func(n int) string { return `{"type":"plain_text","text":"` + strings.Repeat("x", n) + `"}` }
	mrkdwn := func(n int) string { return `{"type":"mrkdwn","text":"` + strings.Repeat("x", n) + `"}` }
	times := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	button := `{"type":"button","text":{"type":"plain_text","text":"Go"},"action_id":"go"}`
	for name, test := range map[string]struct {
		form map[string]string
		want string
	}{
		"text alone":                  {nil, ""},
		"a channel's name":            {map[string]string{"channel": Name}, ""},
		"no token":                    {map[string]string{"token": ""}, "not_authed"},
		"another token":               {map[string]string{"token": "xoxb-1"}, "invalid_auth"},
		"a revoked token":             {map[string]string{"token": Revoked}, "token_revoked"},
		"another channel":             {map[string]string{"channel": "#none"}, "channel_not_found"},
		"a channel that it is not in": {map[string]string{"channel": Private}, "not_in_channel"},
		"no text":                     {map[string]string{"text": ""}, "no_text"},
		"no JSON":                     {map[string]string{"blocks": "["}, "invalid_blocks_format"},
		"a header":                    {map[string]string{"blocks": `[{"type":"header","text":` + plain(150) + `}]`}, ""},
		"a long header":               {map[string]string{"blocks": `[{"type":"header","text":` + plain(151) + `}]`}, "invalid_blocks"},
		"a header in mrkdwn":          {map[string]string{"blocks": `[{"type":"header","text":` + mrkdwn(9) + `}]`}, "invalid_blocks"},
		"a section":                   {map[string]string{"blocks": `[{"type":"section","text":` + mrkdwn(3000) + `,"fields":[` + times(2, mrkdwn(2000)) + `]}]`}, ""},
		"a long section":              {map[string]string{"blocks": `[{"type":"section","text":` + mrkdwn(3001) + `}]`}, "invalid_blocks"},
		"an empty section":            {map[string]string{"blocks": `[{"type":"section","text":` + mrkdwn(0) + `}]`}, "invalid_blocks"},
		"a section of nothing":        {map[string]string{"blocks": `[{"type":"section"}]`}, "invalid_blocks"},
		"11 fields":                   {map[string]string{"blocks": `[{"type":"section","fields":[` + times(11, mrkdwn(1)) + `]}]`}, "invalid_blocks"},
		"a long field":                {map[string]string{"blocks": `[{"type":"section","fields":[` + mrkdwn(2001) + `]}]`}, "invalid_blocks"},
		"11 elements":                 {map[string]string{"blocks": `[{"type":"context","elements":[` + times(11, mrkdwn(1)) + `]}]`}, "invalid_blocks"},
		"no element":                  {map[string]string{"blocks": `[{"type":"context","elements":[]}]`}, "invalid_blocks"},
		"a button":                    {map[string]string{"blocks": `[{"type":"actions","elements":[` + button + `]}]`}, ""},
		"two buttons of one id":       {map[string]string{"blocks": `[{"type":"actions","elements":[` + times(2, button) + `]}]`}, "invalid_blocks"},
		"two blocks of one id":        {map[string]string{"blocks": `[` + times(2, `{"type":"divider","block_id":"b"}`) + `]`}, "invalid_blocks"},
		"50 blocks":                   {map[string]string{"blocks": `[` + times(50, `{"type":"divider"}`) + `]`}, ""},
		"51 blocks":                   {map[string]string{"blocks": `[` + times(51, `{"type":"divider"}`) + `]`}, "invalid_blocks"},
		"another block":               {map[string]string{"blocks": `[{"type":"footer"}]`}, "invalid_blocks"},
		"another member":              {map[string]string{"blocks": `[{"type":"divider","text":"x"}]`}, "invalid_blocks"},
		"emoji in mrkdwn":             {map[string]string{"blocks": `[{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":true}}]`}, "invalid_blocks"},
		"too much of it all":          {map[string]string{"blocks": `[` + times(5, `{"type":"section","text":`+mrkdwn(3000)+`}`) + `]`}, "msg_blocks_too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"token": {Token}, "channel": {Channel}, "text": {"hello"}}
			for k, v := range test.form {
				form.Set(k, v)
			}
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/api/chat.postMessage", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			s := &Server{}
			s.ServeHTTP(w, r)
			var got struct {
				OK    bool
				Error string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Error != test.want || got.OK != (test.want == "") || len(s.Messages()) == 1 != got.OK {
				t.Errorf("got %s (%v)", w.Body, err)
			}
		})
	}
}
