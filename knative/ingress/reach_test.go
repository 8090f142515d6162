package ingress

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// An API server that knows one Knative Service, in any of its states, and tells what it was asked to pass on.
func TestReach(t *testing.T) {
	const at = "/apis/serving.knative.dev/v1/namespaces/quench/services/archive"
	status := func(code int, reason string) (int, string) {
		return code, fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"reason":%q}`, code, reason)
	}
	service := func(status string) (int, string) {
		return http.StatusOK, `{"kind":"Service","apiVersion":"serving.knative.dev/v1","metadata":{"name":"archive","namespace":"quench"},"status":` + status + `}`
	}
	for name, test := range map[string]struct {
		answer       func() (int, string)
		path, header string // behind …/namespaces/
		err          string
	}{
		"a Service":          {func() (int, string) { return status(404, "NotFound") }, "quench/services/http:archive:80", "", ""},
		"not allowed to ask": {func() (int, string) { return status(403, "Forbidden") }, "quench/services/http:archive:80", "", ""},
		"a Knative Service":  {func() (int, string) { return service(`{"latestReadyRevisionName":"archive-00002"}`) }, "knative-serving/services/http:activator-service:80", "quench archive-00002", ""},
		"one without a pod":  {func() (int, string) { return service(`{}`) }, "", "", "never ready"},
		"no answer":          {func() (int, string) { return status(500, "InternalError") }, "", "", "quench/archive"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == at {
					code, text := test.answer()
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(code)
					_, _ = w.Write([]byte(text))
					return
				}
				_ = json.NewEncoder(w).Encode([]string{r.URL.Path, r.Header.Get("Knative-Serving-Namespace") + " " + r.Header.Get("Knative-Serving-Revision")})
			}))
			defer server.Close()
			c, err := For(&rest.Config{Host: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			base, client, err := c.Reach(t.Context(), "quench", "archive")
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Get(base.JoinPath("api/v1/events").String())
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var got []string
			if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if want := "/api/v1/namespaces/" + test.path + "/proxy/api/v1/events"; got[0] != want || strings.TrimSpace(got[1]) != test.header {
				t.Errorf("got %q, want %s and %q", got, want, test.header)
			}
		})
	}
}
