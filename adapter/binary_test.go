package adapter

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/valyala/fasthttp"

	"github.com/quench-dev/quench/config"
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

	s, err := NewHTTPSender(settings(t, "http://me:secret@sink.example/a/path?b=c", nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]event.Event{"whole": whole, "bare": bare, "of an older version": old} {
		t.Run(name, func(t *testing.T) {
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			got := onTheWire(t, s, e)
			latest := e.Clone()
			latest.Context = latest.Context.AsV1()
			want, err := cehttp.NewHTTPRequestFromEvent(t.Context(), "http://sink.example/a/path?b=c", latest)
			if err != nil {
				t.Fatal(err)
			}
			want.SetBasicAuth("me", "secret")
			want.Header.Set("User-Agent", "quench-adapter/"+config.Version)
			want.Header.Set("Content-Length", strconv.Itoa(len(e.Data())))
			got.Header.Set("Content-Length", strconv.FormatInt(got.ContentLength, 10)) // ReadRequest takes it out
			for _, header := range slices.Sorted(maps.Keys(want.Header)) {
				if !slices.Equal(got.Header[header], want.Header[header]) {
					t.Errorf("%s: got %q, want %q", header, got.Header[header], want.Header[header])
				}
			}
			if len(got.Header) != len(want.Header) {
				t.Errorf("got %v, want %v", got.Header, want.Header)
			}
			if got.Host != want.Host || got.URL.String() != want.URL.RequestURI() || got.Method != want.Method || got.Proto != "HTTP/1.1" {
				t.Errorf("got %+v, want %+v", got, want)
			}
			body, err := io.ReadAll(got.Body)
			if err != nil || string(body) != string(e.Data()) {
				t.Errorf("body %q, %v", body, err)
			}
		})
	}
	if err := write(&fasthttp.Request{}, event.Event{}); err == nil {
		t.Error("an event without attributes is taken")
	}
	for range 2 { // made, then remembered
		if got := headerOf("podname"); got != "Ce-Podname" {
			t.Error(got)
		}
	}
}

// onTheWire is a sender's request for an event, as a server reads it.
func onTheWire(t *testing.T, s *HTTPSender, e event.Event) *http.Request {
	t.Helper()
	req := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(req)
	s.post.CopyTo(req)
	if err := write(req, e); err != nil {
		t.Fatal(err)
	}
	var sent bytes.Buffer
	w := bufio.NewWriter(&sent)
	if err := errors.Join(req.Write(w), w.Flush()); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&sent))
	if err != nil {
		t.Fatal(err)
	}
	return got
}
