package alert

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
)

const (
	parent  = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	traceID = "0af7651916cd43dd8448eb211c80319c"
)

func TestHeaderTrace(t *testing.T) {
	long := "a=" + strings.Repeat("x", 250)
	for name, test := range map[string]struct {
		parents, states []string
		parent, state   string
	}{
		"none":                   {},
		"sampled":                {[]string{parent}, nil, parent, ""},
		"not sampled":            {[]string{parent[:53] + "00"}, nil, parent[:53] + "00", ""},
		"with state":             {[]string{parent}, []string{"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}, parent, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"},
		"state in two headers":   {[]string{parent}, []string{"a=1", "b=2"}, parent, "a=1,b=2"},
		"state that is none":     {[]string{parent}, []string{"===\x01"}, parent, ""},
		"state too long":         {[]string{parent}, []string{strings.Join([]string{long, "b" + long, "c" + long, "d" + long, "e" + long}, ",")}, parent, ""},
		"state alone":            {nil, []string{"a=1"}, "", ""},
		"two parents":            {[]string{parent, parent}, nil, "", ""},
		"upper case":             {[]string{strings.ToUpper(parent)}, nil, "", ""},
		"all zeros":              {[]string{"00-00000000000000000000000000000000-b7ad6b7169203331-01"}, nil, "", ""},
		"forbidden version":      {[]string{"ff" + parent[2:]}, nil, "", ""},
		"later version":          {[]string{"cc" + parent[2:] + "-more"}, nil, parent, ""},
		"more than there may be": {[]string{parent + "-more"}, nil, "", ""},
		"another format":         {[]string{"0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"}, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for _, v := range test.parents {
				h.Add("traceparent", v)
			}
			for _, v := range test.states {
				h.Add("tracestate", v)
			}
			got := HeaderTrace(h)
			if got.parent != test.parent || got.state != test.state || got.Valid() != (test.parent != "") {
				t.Errorf("got %q %q, want %q %q", got.parent, got.state, test.parent, test.state)
			}
			if got.Valid() && got.ID() != traceID || !got.Valid() && got.ID() != "" {
				t.Errorf("id is %q", got.ID())
			}
		})
	}
}

func TestStartedTraceIsNewAndNotSampled(t *testing.T) {
	one, other := StartTrace(), StartTrace()
	if !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-00$`).MatchString(one.parent) {
		t.Errorf("traceparent is %q", one.parent)
	}
	if one.ID() == other.ID() {
		t.Errorf("two traces have the id %s", one.ID())
	}
}

// What is carried by an event or a request is what comes out of it.
func TestTraceIsCarried(t *testing.T) {
	want := ParseTrace(parent, "a=1")
	e, h := event.New(), http.Header{}
	want.SetEvent(&e)
	want.SetHeader(h)
	if got := EventTrace(e); got != want {
		t.Errorf("the event carries %v", got)
	}
	if got := HeaderTrace(h); got != want {
		t.Errorf("the request carries %v", got)
	}
	bare := event.New()
	Trace{}.SetEvent(&bare)
	if len(bare.Extensions()) != 0 || EventTrace(bare).Valid() || EventTrace(event.Event{}).Valid() {
		t.Errorf("none is carried as %v", bare.Extensions())
	}
}
