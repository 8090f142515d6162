package broker_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quench-dev/quench/knative/broker"
)

func TestHTTPIsBinary(t *testing.T) {
	type request struct {
		header http.Header
		body   string
	}
	requests := make(chan request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- request{r.Header, string(body)}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	for name, tc := range map[string]struct {
		delivery string
		want     map[string]string
		body     string
	}{
		"binary": {"", map[string]string{
			"Ce-Id": "1", "Ce-Type": "alert", "Ce-Alertname": "DiskFull", "Content-Type": "application/json", "Prefer": "reply",
		}, `{"status":"firing"}`},
		"structured on demand": {"{format: json}", map[string]string{
			"Ce-Id": "", "Content-Type": "application/cloudevents+json", "Prefer": "reply",
		}, `"alertname":"DiskFull"`},
	} {
		t.Run(name, func(t *testing.T) {
			br := start(t, nil, broker.Options{}, "a||"+tc.delivery+"|{uri: \""+server.URL+"/in\"}")
			if err := br.Send(t.Context(), alert("1")); err != nil {
				t.Fatal(err)
			}
			got := wait(t, requests)
			for name, value := range tc.want {
				if got.header.Get(name) != value {
					t.Errorf("header %s is %q, want %q", name, got.header.Get(name), value)
				}
			}
			if !strings.Contains(got.body, tc.body) {
				t.Errorf("body %s, want %s in it", got.body, tc.body)
			}
		})
	}
}

func TestHTTPAnswers(t *testing.T) {
	binary := map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "o", "Ce-Type": "outcome", "Ce-Source": "/x"}
	for name, tc := range map[string]struct {
		code   int
		header map[string]string
		body   string
		reply  string // the id of the reply
		fails  int    // the status of the failure
	}{
		"nothing":              {200, nil, "", "", 0},
		"accepted":             {202, nil, "", "", 0},
		"no content":           {204, nil, "", "", 0},
		"binary":               {200, binary, "{}", "o", 0},
		"binary without data":  {200, binary, "", "o", 0},
		"structured":           {200, map[string]string{"Content-Type": "application/cloudevents+json"}, `{"specversion":"1.0","id":"s","type":"outcome","source":"/x"}`, "s", 0},
		"text":                 {200, nil, "ok", "", 502},
		"JSON":                 {200, map[string]string{"Content-Type": "application/json"}, "{}", "", 502},
		"bad structured":       {200, map[string]string{"Content-Type": "application/cloudevents+json"}, `{"id":`, "", 502},
		"bad version":          {200, map[string]string{"Ce-Specversion": "7"}, "x", "", 502},
		"too large":            {200, binary, strings.Repeat("x", broker.MaxResponseBytes+1), "", 502},
		"as large as may be":   {200, binary, strings.Repeat("x", broker.MaxResponseBytes), "o", 0},
		"redirect":             {307, map[string]string{"Location": "/elsewhere"}, "", "", 307},
		"refused":              {400, nil, "no", "", 400},
		"refused, with event":  {400, binary, "{}", "", 400},
		"unavailable":          {503, nil, "later", "", 503},
		"unavailable, endless": {503, nil, strings.Repeat("x", 3*broker.MaxResponseBytes), "", 503},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					t.Errorf("request to %s", r.URL.Path)
				}
				for name, value := range tc.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(tc.code)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer server.Close()
			reply, err := broker.HTTP(server.URL+"/", nil).Deliver(t.Context(), alert("1"))
			if (reply != nil) != (tc.reply != "") || reply != nil && reply.ID() != tc.reply {
				t.Errorf("reply %v, want %q", reply, tc.reply)
			}
			if tc.fails == 0 {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			status := new(broker.StatusError)
			if !errors.As(err, &status) || status.Code != tc.fails {
				t.Fatalf("error %v, want status %d", err, tc.fails)
			}
			if len(status.Body) > broker.MaxResponseBytes+1 {
				t.Errorf("%d bytes of the body are kept", len(status.Body))
			}
		})
	}
}

func TestHTTPNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	br := start(t, nil, broker.Options{}, "a||{retry: 1}|{uri: \""+server.URL+"\"}")
	if err := br.Send(t.Context(), alert("1")); err == nil || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("error %v", err)
	}
}
