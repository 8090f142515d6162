package adapter

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/quench-dev/quench/config"
)

func TestOverrides(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"none":               {``, ""},
		"an empty object":    {`{}`, ""},
		"null":               {`{"extensions":null}`, ""},
		"two":                {`{"extensions":{"team":"sre","namespace":"other"}}`, ""},
		"a field to come":    {`{"extensions":{"team":"sre"},"later":1}`, ""},
		"not JSON":           {`team=sre`, `want {"extensions":{"name":"value"}}`},
		"cut off":            {`{"extensions":{"team":`, "unexpected EOF"},
		"something after it": {`{} {}`, "nothing after it"},
		"not a text":         {`{"extensions":{"team":7}}`, "cannot unmarshal number"},
		"no value":           {`{"extensions":{"team":null}}`, `extension "team": want a text`},
		"upper case":         {`{"extensions":{"Team":"sre"}}`, `extension "Team": want lower-case letters`},
		"a dash":             {`{"extensions":{"my-team":"sre"}}`, "lower-case letters"},
		"a digit first":      {`{"extensions":{"1team":"sre"}}`, "lower-case letters"},
		"no name":            {`{"extensions":{"":"sre"}}`, "lower-case letters"},
		"id":                 {`{"extensions":{"id":"1"}}`, `extension "id": the name is reserved`},
		"recordedtime":       {`{"extensions":{"recordedtime":"now"}}`, "reserved"},
		"Knative's":          {`{"extensions":{"knativebroker":"x"}}`, "reserved"},
		"a newline":          {`{"extensions":{"team":"a\nb"}}`, "without control characters"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(settings(t, "", func(c *config.Adapter) { c.CEOverrides = tc.in }), nil, zerolog.Nop())
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "K_CE_OVERRIDES: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("err %v, want %q", err, tc.want)
			}
		})
	}
}

func TestOverridesAreOnEveryEvent(t *testing.T) {
	s := newSink(t)
	_, url, _ := start(t, settings(t, s.URL, func(c *config.Adapter) {
		c.CEOverrides, c.GroupEvents = `{"extensions":{"team":"sre","namespace":"other"}}`, true
	}))
	if code, text := post(t, url, payload(t, "firing")); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	if len(s.events()) != 3 {
		t.Fatalf("%d events", len(s.events()))
	}
	for _, e := range s.events() {
		if x := e.Extensions(); x["team"] != "sre" || x["namespace"] != "other" {
			t.Errorf("extensions %v", x)
		}
	}
}

func TestLabelAttributesAreChecked(t *testing.T) {
	_, err := New(settings(t, "", func(c *config.Adapter) { c.LabelAttributes = "pod" }), nil, zerolog.Nop())
	if err == nil || !strings.HasPrefix(err.Error(), "LABEL_ATTRIBUTES: ") {
		t.Errorf("err %v", err)
	}
}
