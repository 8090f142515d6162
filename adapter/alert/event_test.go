package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var recorded = time.Date(2026, 11, 20, 22, 1, 2, 345678901, time.UTC)

func encode(t testing.TB, body []byte) ([]*Alert, []event.Event) {
	t.Helper()
	p, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	enc := &Encoder{Source: Source("prod")}
	var events []event.Event
	for _, a := range p.Alerts {
		e, err := enc.ToEvent(a, recorded)
		if err != nil {
			t.Fatalf("encode %+v: %v", a, err)
		}
		events = append(events, e)
	}
	return p.Alerts, events
}

func TestToEvent(t *testing.T) {
	_, events := encode(t, webhook(podAlert, strings.NewReplacer(
		"firing", "resolved", `"endsAt":"0001-01-01T00:00:00Z"`, `"endsAt":"2026-11-20T23:00:00Z"`).Replace(podAlert)))
	firing, resolved := events[0], events[1]
	for name, pair := range map[string][2]any{
		"type":           {firing.Type(), TypeFiring},
		"source":         {firing.Source(), "/alertmanager/prod"},
		"subject":        {firing.Subject(), "KubePodCrashLooping/c0ffee0123456789"},
		"time":           {firing.Time().UTC(), time.Date(2026, 11, 20, 20, 0, 0, 123456789, time.UTC)},
		"content type":   {firing.DataContentType(), "application/json"},
		"schema":         {firing.DataSchema(), DataSchema},
		"partitionkey":   {firing.Extensions()[AttrPartitionKey], "c0ffee0123456789"},
		"recordedtime":   {firing.Extensions()[AttrRecordedTime], "2026-11-20T22:01:02.345678901Z"},
		"receiver":       {firing.Extensions()[AttrReceiver], "quench"},
		"label":          {firing.Extensions()["namespace"], "shop"},
		"resolved type":  {resolved.Type(), TypeResolved},
		"resolved time":  {resolved.Time(), time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)},
		"correlation id": {resolved.Extensions()[AttrCorrelationID], firing.Extensions()[AttrCorrelationID]},
		// worked out with: printf 'c0ffee0123456789\0firing\0002026-11-20T20:00:00.123Z' | sha256sum | cut -c1-32
		"id": {firing.ID(), "401cbe3874232a256ad6292ca40e3b73"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
		}
	}
	if firing.ID() == resolved.ID() {
		t.Error("firing and resolved have one id")
	}
}

func TestIdentity(t *testing.T) {
	_, events := encode(t, webhook(podAlert))
	for name, tc := range map[string]struct {
		body []byte
		same bool
	}{
		"the other replica":      {bytes.ReplaceAll(webhook(podAlert), []byte("alertmanager.example"), []byte("alertmanager-1.example")), true},
		"the same time in UTC":   {webhook(strings.Replace(podAlert, "22:00:00.123456789+02:00", "20:00:00.123Z", 1)), true},
		"another annotation":     {webhook(strings.Replace(podAlert, `"s"`, `"t"`, 1)), true},
		"resolved":               {webhook(strings.Replace(podAlert, `"firing"`, `"resolved"`, 1)), false},
		"another incarnation":    {webhook(strings.Replace(podAlert, "22:00:00.1", "22:00:01.1", 1)), false},
		"another label set":      {webhook(strings.Replace(podAlert, "c0ffee", "c1ffee", 1)), false},
		"a group of other state": {bytes.Replace(webhook(podAlert), []byte(`"status":"firing"`), []byte(`"status":"resolved"`), 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			_, others := encode(t, tc.body)
			if (others[0].ID() == events[0].ID()) != tc.same {
				t.Errorf("ids %s and %s", events[0].ID(), others[0].ID())
			}
		})
	}
}

func TestFromEventRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*event.Event)
		field  string
	}{
		"other type":      {func(e *event.Event) { e.SetType("dev.quench.action.succeeded") }, "type"},
		"type disagrees":  {func(e *event.Event) { e.SetType(TypeResolved) }, "data.status"},
		"no data":         {func(e *event.Event) { e.DataEncoded = nil }, "data"},
		"no labels":       {func(e *event.Event) { e.DataEncoded = []byte(`{"status":"firing"}`) }, "data.labels"},
		"group no object": {func(e *event.Event) { e.DataEncoded = []byte(podAlert[:len(podAlert)-1] + `,"group":[]}`) }, "data.group"},
	} {
		t.Run(name, func(t *testing.T) {
			_, events := encode(t, webhook(podAlert))
			tc.change(&events[0])
			_, err := FromEvent(events[0])
			var fe *FieldError
			if !errors.As(err, &fe) || fe.Field != tc.field {
				t.Errorf("got %v, want field %s", err, tc.field)
			}
		})
	}
}

func TestGroupEvent(t *testing.T) {
	enc := &Encoder{Source: Source("prod")}
	body := webhook(podAlert)
	p, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	e, err := enc.GroupEvent(p, recorded)
	if err != nil || e.Type() != TypeGroupFiring || !bytes.Equal(e.Data(), body) || IsAlert(e) {
		t.Errorf("%v, %v", e, err)
	}
	again, err := enc.GroupEvent(p, recorded.Add(time.Hour))
	if err != nil || again.ID() != e.ID() {
		t.Errorf("a repeat has another id: %s, %s, %v", e.ID(), again.ID(), err)
	}
}

func TestDataFollowsTheSchema(t *testing.T) {
	schema := compile(t)
	bare := &Alert{Status: Firing, Labels: map[string]string{"alertname": "Made"}, StartsAt: recorded}
	e, err := (&Encoder{Source: Source("x")}).ToEvent(bare, recorded)
	if err != nil {
		t.Fatal(err)
	}
	_, events := encode(t, webhook(podAlert))
	for _, e := range append(events, e) {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data()))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", e.Data(), err)
		}
	}
	for _, bad := range []string{`{}`, `{"status":"pending","labels":{"a":"b"},"startsAt":"2026-11-20T22:00:00Z","group":{}}`, `{"status":"firing","labels":{},"startsAt":"2026-11-20T22:00:00Z","group":{}}`} {
		v, _ := jsonschema.UnmarshalJSON(strings.NewReader(bad))
		if schema.Validate(v) == nil {
			t.Errorf("the schema lets %s through", bad)
		}
	}
}

func compile(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(DataSchema, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(DataSchema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mirror is a real server that reads an event and keeps it.
type mirror struct {
	*httptest.Server
	events chan event.Event
}

func newMirror(t testing.TB) *mirror {
	m := &mirror{events: make(chan event.Event, 1)}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := cehttp.NewEventFromHTTPRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		m.events <- *e
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) trip(t testing.TB, e event.Event, mode func(context.Context) context.Context) event.Event {
	t.Helper()
	req, err := cehttp.NewHTTPRequestFromEvent(mode(context.Background()), m.URL, e)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := m.Client().Do(req)
	if err != nil {
		t.Fatalf("send %v: %v", e, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("status %d for %v", resp.StatusCode, e)
	}
	return <-m.events
}

// comesBack fails unless an event is the same after a trip over HTTP in both
// modes, its signature still good, and its alert equal to the one that went out.
func comesBack(t *testing.T, m *mirror, a *Alert, e event.Event) {
	t.Helper()
	e = e.Clone()
	if err := signer.Sign(&e); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]func(context.Context) context.Context{"binary": binding.WithForceBinary, "structured": binding.WithForceStructured} {
		got := m.trip(t, e, mode)
		if err := got.Validate(); err != nil {
			t.Errorf("%s: not valid: %v", name, err)
		}
		if got.ID() != e.ID() || got.Type() != e.Type() || got.Source() != e.Source() || got.Subject() != e.Subject() ||
			!got.Time().Equal(e.Time()) || got.DataSchema() != e.DataSchema() || got.DataContentType() != e.DataContentType() {
			t.Errorf("%s: attributes of\n%v\nbecame\n%v", name, e, got)
		}
		want, have := text(e), text(got)
		if !maps.Equal(want, have) {
			t.Errorf("%s: extensions %q became %q", name, want, have)
		}
		same := bytes.Equal(got.Data(), e.Data())
		if name == "structured" { // the JSON around it may be written with other blanks and escapes
			same = reflect.DeepEqual(parsed(t, got.Data()), parsed(t, e.Data()))
		}
		if !same {
			t.Errorf("%s: data %q became %q", name, e.Data(), got.Data())
		}
		if _, err := known.Verify(got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		back, err := FromEvent(got)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !equal(a, back) {
			t.Errorf("%s: alert %+v became %+v", name, a, back)
		}
		if at, err := RecordedTime(got); err != nil || !at.Equal(recorded) {
			t.Errorf("%s: recorded %v, %v", name, at, err)
		}
	}
}

func parsed(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	return v
}

func text(e event.Event) map[string]string {
	m := map[string]string{}
	for k, v := range e.Extensions() {
		m[k], _ = v.(string)
	}
	return m
}

func equal(a, b *Alert) bool {
	return a.Status == b.Status && maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Annotations, b.Annotations) &&
		a.StartsAt.Equal(b.StartsAt) && a.EndsAt.Equal(b.EndsAt) && a.GeneratorURL == b.GeneratorURL && a.Fingerprint == b.Fingerprint &&
		a.ID() == b.ID() && a.CorrelationID() == b.CorrelationID() && a.Group.GroupKey == b.Group.GroupKey && a.Group.Receiver == b.Group.Receiver
}

func TestRoundTrip(t *testing.T) {
	m := newMirror(t)
	value := func(v string) string {
		b, _ := json.Marshal(v)
		return strings.Replace(podAlert, `"nginx-1"`, string(b), 1)
	}
	for name, alert := range map[string]string{
		"plain": podAlert, "newline": value("a\nb\r\n\x00\x1b"), "other scripts": value("größe 気温 🔥"), "blanks": value("  a  "), "long": value(strings.Repeat("ü ", 5000)),
		"quotes": value(`"a" 'b' \ $(POD) <&>`), "UTF-8 label name": strings.Replace(podAlert, `"pod"`, `"größe.気温/x y"`, 1),
		"no alertname": strings.Replace(podAlert, `"alertname"`, `"other"`, 1), "name with controls": strings.Replace(podAlert, "KubePodCrashLooping", `a\n/\u0000b`, 1),
		"not UTF-8": strings.Replace(podAlert, "nginx-1", "a\xffb", 1), "lone surrogate": strings.Replace(podAlert, "nginx-1", `a\ud800b`, 1),
		"odd fingerprint": strings.Replace(podAlert, "c0ffee0123456789", `f\r\nX: y`, 1), "nulls": strings.Replace(podAlert, `{"summary":"s"}`, "null", 1),
		"white space": "\n" + strings.ReplaceAll(podAlert, ",", ",\n\t") + " ",
	} {
		t.Run(name, func(t *testing.T) {
			alerts, events := encode(t, webhook(alert))
			comesBack(t, m, alerts[0], events[0])
		})
	}
}

// Whatever labels, annotations and fingerprints hold, their alert becomes a valid
// event that comes back equal.
func FuzzLabels(f *testing.F) {
	f.Add("pod_name", "nginx-1", "summary", "it is down", "c0ffee0123456789", int64(1_795_212_000), false)
	f.Add("9 größe.気温/x", " a\nb\x00\x7f気\xff ", "", "$(X)", "", int64(-62135596800), true)
	f.Add("type", strings.Repeat("ü", 2000), "a", "", "\r\nX: y", int64(253402300799), true)
	m := newMirror(f)
	schema := compile(f)
	f.Fuzz(func(t *testing.T, label, value, key, annotation, fingerprint string, at int64, resolved bool) {
		if len(label)+len(value)+len(key)+len(annotation)+len(fingerprint) > 256<<10 {
			t.Skip() // the server of this test bounds headers and bodies, as all do
		}
		status := Firing
		if resolved {
			status = Resolved
		}
		start := time.Unix(at, 0).UTC()
		if !inRange(start) {
			t.Skip()
		}
		body, err := json.Marshal(map[string]any{"alerts": []any{map[string]any{
			"status": status, "labels": map[string]string{label: value, "alertname": value}, "annotations": map[string]string{key: annotation},
			"startsAt": start.Format(time.RFC3339), "endsAt": start.Format(time.RFC3339), "fingerprint": fingerprint,
		}}, "receiver": value, "groupKey": label, "commonLabels": map[string]string{label: value}})
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, m, schema, body)
	})
}

// Every alert that can be decoded becomes a valid event that comes back equal.
func FuzzRoundTrip(f *testing.F) {
	f.Add(webhook(podAlert))
	f.Add(webhook(strings.Replace(podAlert, "nginx-1", "a\\nb\\u0000 気\xff", 1)))
	f.Add(webhook(strings.Replace(podAlert, `"pod"`, `"9 größe.気温/x"`, 1)))
	f.Add([]byte(`{"alerts":[{"status":"resolved","labels":{"id":"","":"x","type":" "},"startsAt":"0001-01-01T00:00:00Z","fingerprint":"\t"}],"groupKey":"\n"}`))
	m := newMirror(f)
	schema := compile(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 64<<10 {
			t.Skip() // the server of the test bounds headers, as all do
		}
		if _, err := Decode(body); err == nil {
			roundTrip(t, m, schema, body)
		}
	})
}

func roundTrip(t *testing.T, m *mirror, schema *jsonschema.Schema, body []byte) {
	t.Helper()
	alerts, events := encode(t, body)
	for i, e := range events[:min(len(events), 4)] {
		comesBack(t, m, alerts[i], e)
		if v, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Data())); err != nil {
			t.Errorf("data is no JSON: %v", err)
		} else if err := schema.Validate(v); err != nil {
			t.Errorf("schema: %v", err)
		}
	}
	p, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&Encoder{Source: Source("prod")}).GroupEvent(p, recorded); err != nil {
		t.Errorf("group event: %v", err)
	}
}
