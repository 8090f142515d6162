package adapter

import (
	"io"
	"maps"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

func TestRequestIsTheSDKs(t *testing.T) {
	whole := event.New()
	whole.SetID("an id")
	whole.SetType("io.example")
	whole.SetSource("/alertmanager/a%20b?x=ü")
	whole.SetSubject("KubePodCrashLooping/c0ffee")
	whole.SetTime(time.Date(2026, 11, 20, 22, 0, 0, 123456789, time.FixedZone("", 3600)))
	whole.SetDataSchema("https://quench.dev/schemas/alert/v1.json")
	for name, v := range map[string]any{
		"pod": "frontend", "text": "ein Wert mit „Zeichen“ % \"quoted\"", "count": 7, "sure": true, "bytes": []byte{1, 2},
		"when": time.Unix(0, 1).UTC(), "at": &url.URL{Scheme: "http", Host: "a"},
	} {
		whole.SetExtension(name, v)
	}
	if err := whole.SetData(event.ApplicationJSON, []byte(`{"a": 1}`)); err != nil {
		t.Fatal(err)
	}
	bare := event.New()
	bare.SetID("x")
	bare.SetType("y")
	bare.SetSource("z")
	old := event.New(event.CloudEventsVersionV03)
	old.SetID("x")
	old.SetType("y")
	old.SetSource("z")

	sink, err := url.Parse("http://me:secret@sink.example/a/path")
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]event.Event{"whole": whole, "bare": bare, "of an older version": old} {
		t.Run(name, func(t *testing.T) {
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			got, err := (&HTTPSender{url: sink}).request(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			latest := e.Clone()
			latest.Context = latest.Context.AsV1()
			want, err := cehttp.NewHTTPRequestFromEvent(t.Context(), sink.String(), latest)
			if err != nil {
				t.Fatal(err)
			}
			for _, header := range slices.Sorted(maps.Keys(want.Header)) {
				if !slices.Equal(got.Header[header], want.Header[header]) {
					t.Errorf("%s: got %q, want %q", header, got.Header[header], want.Header[header])
				}
			}
			if len(got.Header) != len(want.Header) {
				t.Errorf("got %v, want %v", got.Header, want.Header)
			}
			if got.ContentLength != want.ContentLength || got.Host != want.Host || got.URL.String() != want.URL.String() || got.Method != want.Method {
				t.Errorf("got %+v, want %+v", got, want)
			}
			for range 2 { // the second as net/http takes it to send again
				body, err := io.ReadAll(got.Body)
				if err != nil || string(body) != string(e.Data()) {
					t.Errorf("body %q, %v", body, err)
				}
				if got.Body, err = got.GetBody(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if _, err := (&HTTPSender{url: sink}).request(t.Context(), event.Event{}); err == nil {
		t.Error("an event without attributes is taken")
	}
	for range 2 { // made, then remembered
		if got := headerOf("podname"); got != "Ce-Podname" {
			t.Error(got)
		}
	}
}
