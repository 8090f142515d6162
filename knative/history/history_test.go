package history

import (
	"bytes"
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func entry(t *testing.T, set func(*Entry)) *Entry {
	t.Helper()
	e := &Entry{Seq: 7, Received: noon, Arrivals: 1, Event: event.New()}
	e.Event.SetID("e1")
	e.Event.SetType("io.prometheus.alertmanager.alert.firing")
	e.Event.SetSource("/alertmanager/default")
	e.Event.SetExtension("alertname", "DiskFull")
	e.Event.SetExtension("correlationid", "c1")
	e.Event.SetExtension("attempts", 3)
	e.Event.SetDataContentType(event.ApplicationJSON)
	e.Event.DataEncoded = []byte(`{"status":"firing"}`)
	if set != nil {
		set(e)
	}
	if err := e.Event.Validate(); err != nil {
		t.Fatal(err)
	}
	return e
}

// An entry comes through any encoder of JSON with its data byte for byte.
func TestEntryKeepsDataByteForByte(t *testing.T) {
	for name, test := range map[string]struct {
		contentType, data string
		readable          bool // as JSON or text in the entry
	}{
		"compact":               {"application/json", `{"a":1.0}`, true},
		"characters of HTML":    {"application/json", `{"a":"<&>"}`, false},
		"escaped":               {"application/json", `{"a":"\u003c\/"}`, true},
		"more than one line":    {"application/json", "{\n \"a\": 1\r\n}\n", false},
		"no JSON although said": {"application/json", `{"a":`, false},
		"nothing said":          {"", `[1]`, true},
		"with a character set":  {"application/json; charset=utf-8", `{"a":1}`, true},
		"text":                  {"text/plain", "a\n<b>", true},
		"JSON of another kind":  {"application/vnd.a+json", `{"a": 1}`, true},
		"bytes":                 {"application/octet-stream", "\x00\xff", false},
		"JSON that is no UTF-8": {"application/json", "\"\xff\"", false},
		"none":                  {"application/json", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			in := entry(t, func(e *Entry) {
				if test.contentType != "" {
					e.Event.SetDataContentType(test.contentType)
				}
				e.Event.DataEncoded = []byte(test.data)
			})
			text, err := json.MarshalIndent(in, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, text); err != nil {
				t.Fatal(err)
			}
			var out Entry
			if err := json.Unmarshal(compact.Bytes(), &out); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if string(out.Event.Data()) != test.data {
				t.Errorf("got %q in\n%s", out.Event.Data(), text)
			}
			if got := !strings.Contains(string(text), "data_base64"); got != test.readable {
				t.Errorf("readable: %v, want %v in\n%s", got, test.readable, text)
			}
			if out.Seq != 7 || !out.Received.Equal(noon) || out.Arrivals != 1 || out.DeadLetter != nil || Attribute(&out.Event, "attempts") != "3" {
				t.Errorf("entry %+v", out)
			}
		})
	}
}

func TestDeadLetterAsJSON(t *testing.T) {
	again := noon.Add(time.Hour)
	in := entry(t, func(e *Entry) {
		e.DeadLetter = &DeadLetter{At: noon, Destination: "http://job-runner", Code: "503", Reason: "held", Count: 2, Redelivered: &again}
	})
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	want := `"deadLetter":{"at":"2026-11-20T12:00:00Z","destination":"http://job-runner","code":"503","reason":"held","count":2,"redelivered":"2026-11-20T13:00:00Z"}`
	if !strings.Contains(string(text), want) {
		t.Errorf("got %s", text)
	}
	var out Entry
	if err := json.Unmarshal(text, &out); err != nil || !reflect.DeepEqual(in.DeadLetter, out.DeadLetter) {
		t.Errorf("%+v, %v", out.DeadLetter, err)
	}
}

func TestQueryComesThrough(t *testing.T) {
	for name, q := range map[string]Query{
		"nothing": {},
		"all": {
			Since: noon, Until: noon.Add(time.Nanosecond), Attributes: map[string]string{"alertname": "a=b&c", "pod": ""},
			Filter: "severity = 'page' AND EXISTS pod", CorrelationID: "c1", ID: "e 1", DeadLetters: true, Pending: true, Descending: true, After: 12, Limit: MaxLimit,
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := url.ParseQuery(q.Values().Encode())
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseQuery(v)
			if err != nil || !reflect.DeepEqual(got, q) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestParseQuerySaysWhatIsWrong(t *testing.T) {
	for query, want := range map[string]string{
		"since=2h": `since="2h": want a time such as 2026-11-20T22:00:00Z`,
		"until=":   `until="": want a time`,
		"since=2026-11-20T22:00:00Z&until=2026-11-20T22:00:00Z": "until=2026-11-20T22:00:00Z: want a time after since",
		"attribute=alertname":                  `attribute="alertname": want name=value`,
		"attribute=pod_name=a":                 `attribute="pod_name=a": want name=value, the name in lower-case`,
		"attribute=pod%3Da&attribute=pod%3Db":  "which no event can fulfil",
		"filter=a+%3D":                         `filter="a =": want a CESQL expression`,
		"filter=a+%3D+%22":                     "want a CESQL expression",
		"pending=maybe":                        `pending="maybe": want true or false`,
		"after=-1":                             `after="-1": want the next of an answer`,
		"limit=0":                              `limit="0": want a whole number from 1 to 1000`,
		"limit=1001":                           "want a whole number from 1 to 1000",
		"limit=1&limit=2":                      "limit: given 2 times, want once",
		"alertname=DiskFull":                   `"alertname" is no parameter: want since`,
		"filter=" + strings.Repeat("x", 20000): "filter: 20000 bytes, want at most 16384",
	} {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseQuery(v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", query, err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	again := noon.Add(time.Hour)
	plain := entry(t, nil)
	waits := entry(t, func(e *Entry) { e.DeadLetter = &DeadLetter{At: noon, Count: 1} })
	done := entry(t, func(e *Entry) { e.DeadLetter = &DeadLetter{At: noon, Count: 1, Redelivered: &again} })
	for name, test := range map[string]struct {
		q    Query
		e    *Entry
		want bool
	}{
		"everything":             {Query{}, plain, true},
		"since is included":      {Query{Since: noon}, plain, true},
		"until is not":           {Query{Until: noon}, plain, false},
		"before since":           {Query{Since: noon.Add(1)}, plain, false},
		"id":                     {Query{ID: "e1"}, plain, true},
		"another id":             {Query{ID: "e"}, plain, false},
		"correlation":            {Query{CorrelationID: "c1"}, plain, true},
		"another correlation":    {Query{CorrelationID: "c2"}, plain, false},
		"attributes":             {Query{Attributes: map[string]string{"alertname": "DiskFull", "id": "e1", "attempts": "3"}}, plain, true},
		"one that differs":       {Query{Attributes: map[string]string{"alertname": "DiskFull", "id": "e2"}}, plain, false},
		"one that is not there":  {Query{Attributes: map[string]string{"pod": ""}}, plain, false},
		"no dead letter":         {Query{DeadLetters: true}, plain, false},
		"a dead letter":          {Query{DeadLetters: true}, done, true},
		"that waits":             {Query{Pending: true}, waits, true},
		"that waits no more":     {Query{Pending: true}, done, false},
		"none that waits":        {Query{Pending: true}, plain, false},
		"after":                  {Query{After: 6}, plain, true},
		"not after itself":       {Query{After: 7}, plain, false},
		"after, from the newest": {Query{After: 8, Descending: true}, plain, true},
		"newer, from the newest": {Query{After: 6, Descending: true}, plain, false},
		"filter":                 {Query{Filter: "alertname LIKE 'Disk%' AND EXISTS correlationid"}, plain, true},
		"filter that is false":   {Query{Filter: "alertname = 'x'"}, plain, false},
		"filter on what is not":  {Query{Filter: "pod = 'x'"}, plain, false},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := NewMatcher(test.q)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := m.Match(test.e); err != nil || got != test.want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestFilterThatIsNotBoolean(t *testing.T) {
	m, err := NewMatcher(Query{Filter: "alertname"})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := m.Match(entry(t, nil)); ok || err == nil || !strings.Contains(err.Error(), "want true or false") {
		t.Errorf("%v, %v", ok, err)
	}
	if _, err := NewMatcher(Query{Filter: "a ="}); err == nil {
		t.Error("it compiles")
	}
}
