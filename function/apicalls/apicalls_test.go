package apicalls_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quench-dev/quench/function/apicalls"
)

type server func(*http.Request) (*http.Response, error)

func (s server) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

func TestCallsCountForTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errDown := errors.New("down")
		transport := apicalls.Transport(server(func(r *http.Request) (*http.Response, error) {
			time.Sleep(20 * time.Millisecond)
			if r.Method == http.MethodDelete {
				return nil, errDown
			}
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		}))
		ctx, counted := apicalls.Count(t.Context())
		other, none := apicalls.Count(t.Context())
		for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodGet} {
			r, err := http.NewRequestWithContext(ctx, method, "https://api", nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := transport.RoundTrip(r)
			if failed := method == http.MethodDelete; failed != errors.Is(err, errDown) {
				t.Fatalf("%s: %v", method, err)
			}
			if err == nil {
				answer.Body.Close()
			}
		}
		if n, took := counted.Total(); n != 3 || took != 60*time.Millisecond {
			t.Errorf("%d calls in %s", n, took)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := transport.RoundTrip(r) // counts for nobody
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if n, took := none.Total(); n != 0 || took != 0 || other.Err() != nil {
			t.Errorf("%d calls in %s", n, took)
		}
	})
}
