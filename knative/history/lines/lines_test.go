package lines_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/quench-dev/quench/adapter/alert"
	"github.com/quench-dev/quench/function/functiontest"
	"github.com/quench-dev/quench/knative/history"
	"github.com/quench-dev/quench/knative/history/lines"
)

var at = time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)

func firing(t *testing.T, name string) event.Event {
	t.Helper()
	return functiontest.Event(t, functiontest.Alert(map[string]string{"alertname": name}), at)
}

func read(t *testing.T, text string) (all []history.Entry, err error) {
	t.Helper()
	return all, lines.Read(strings.NewReader(text), "events.jsonl", func(e history.Entry) error {
		all = append(all, e)
		return nil
	})
}

// What is written is read as it was: data byte for byte, and with it the signature.
func TestEventsComeBack(t *testing.T) {
	key, err := alert.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"as it came": string(firing(t, "Burns").Data()), "blanks and lines": " { \"a\" :\n 1.0 }\r\n", "escapes": "\"<&>\u2028\"", "no JSON": "{", "nothing": "",
	} {
		e := firing(t, "Burns")
		e.DataEncoded = []byte(data)
		if err := key.Sign(&e); err != nil {
			t.Fatal(err)
		}
		line, err := lines.Event(e)
		if err != nil || bytes.ContainsAny(line, "\r\n") {
			t.Fatalf("%s: %v, %q", name, err, line)
		}
		entry, err := lines.Entry(history.Entry{Seq: 7, Received: at.Add(time.Minute), Arrivals: 2, Event: e, DeadLetter: &history.DeadLetter{Code: "503", At: at}})
		if err != nil || bytes.ContainsAny(entry, "\r\n") {
			t.Fatalf("%s: %v, %q", name, err, entry)
		}
		all, err := read(t, string(line)+"\n\n"+string(entry))
		if err != nil || len(all) != 2 {
			t.Fatalf("%s: read %d: %v", name, len(all), err)
		}
		for i, got := range all {
			if string(got.Event.Data()) != data {
				t.Errorf("%s, line %d: data %q", name, i, got.Event.Data())
			}
			if _, err := (alert.VerifyKeys{key.Verifier("", at)}).Verify(got.Event); err != nil {
				t.Errorf("%s, line %d: %v", name, i, err)
			}
		}
		if !all[0].Received.Equal(at) || all[0].Seq != 1 || all[0].DeadLetter != nil {
			t.Errorf("%s: an event is %+v", name, all[0])
		}
		if !all[1].Received.Equal(at.Add(time.Minute)) || all[1].Seq != 3 || all[1].Arrivals != 2 || all[1].DeadLetter.Code != "503" {
			t.Errorf("%s: an entry is %+v", name, all[1])
		}
	}
}

// The dead-letter service's log is read as it stands, lines about other things left out.
func TestDeadLettersAreReadFromTheLog(t *testing.T) {
	line, err := lines.Event(firing(t, "Burns"))
	if err != nil {
		t.Fatal(err)
	}
	log := `{"level":"info","addr":"[::]:8080","message":"listening"}` + "\n" +
		`{"level":"error","event_id":"x","destination":"http://rollback","code":"503","reason":"held","event":` + string(line) + `,"time":"2026-11-20T22:00:07Z","message":"dead letter"}`
	all, err := read(t, log)
	if err != nil || len(all) != 1 {
		t.Fatalf("read %d: %v", len(all), err)
	}
	if d := all[0].DeadLetter; !all[0].Pending() || d.Code != "503" || d.Destination != "http://rollback" || d.Reason != "held" || !d.At.Equal(at.Add(7*time.Second)) {
		t.Errorf("read %+v", d)
	}
	_, err = read(t, strings.Replace(log, `"code":"503"`, `"code":"503","data_left_out":70000`, 1))
	if err == nil || !strings.Contains(err.Error(), "events.jsonl:2: the log has the event without its 70000 bytes of data") {
		t.Errorf("without data: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	good, err := lines.Event(firing(t, "Burns"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ line, says string }{
		"no JSON":        {"hello", "events.jsonl:2: "},
		"another object": {`{"apiVersion":"v1"}`, "want a CloudEvent in structured form"},
		"a list":         {`[]`, "want a CloudEvent in structured form"},
		"no id":          {`{"specversion":"1.0","type":"t","source":"/"}`, "id"},
		"an entry of none": {
			`{"seq":1,"event":{"specversion":"1.0"}}`, "want a CloudEvent in structured form",
		},
		"too long": {`"` + strings.Repeat("x", lines.MaxLine) + `"`, "events.jsonl:2: longer than 16777216 bytes"},
	} {
		all, err := read(t, string(good)+"\n"+test.line+"\n"+string(good))
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.HasPrefix(err.Error(), "events.jsonl:2: ") || len(all) != 1 {
			t.Errorf("%s: %.300v after %d", name, err, len(all))
		}
	}
}

func TestList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	var text bytes.Buffer
	for _, name := range []string{"A", "B", "A", "C"} {
		line, err := lines.Event(firing(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := lines.Write(&text, line); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		q    history.Query
		most int
		want []int64
	}{
		"all":        {history.Query{}, 0, []int64{1, 2, 3, 4}},
		"two":        {history.Query{}, 2, []int64{1, 2}},
		"newest two": {history.Query{Descending: true}, 2, []int64{4, 3}},
		"by name":    {history.Query{Attributes: map[string]string{"alertname": "A"}}, 0, []int64{1, 3}},
		"by filter":  {history.Query{Filter: "alertname LIKE 'C%'"}, 0, []int64{4}},
		"too early":  {history.Query{Until: at}, 0, nil},
		"after":      {history.Query{After: 3}, 0, []int64{4}},
	} {
		var got []int64
		take := func(e history.Entry) error { got = append(got, e.Seq); return nil }
		if err := (&lines.File{Path: path}).List(t.Context(), test.q, test.most, take); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, test.want)
		}
		got = nil
		if err := (&lines.File{Path: lines.Stdin, Stdin: bytes.NewReader(text.Bytes())}).List(t.Context(), test.q, test.most, take); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s, of standard input: got %v, %v", name, got, err)
		}
	}
	if err := (&lines.File{Path: path}).List(t.Context(), history.Query{Filter: "("}, 0, nil); err == nil || !strings.Contains(err.Error(), "filter=") {
		t.Errorf("a filter that is none: %v", err)
	}
	if err := (&lines.File{Path: path + "x"}).List(t.Context(), history.Query{}, 0, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
