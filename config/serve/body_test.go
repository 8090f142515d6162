package serve

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// echo answers with the body's length, or with Status of the error.
func echo(limit int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := Body(w, r, limit)
		if err != nil {
			http.Error(w, err.Error(), Status(err))
			return
		}
		fmt.Fprint(w, len(body))
	})
}

// zeros is an endless body; it counts what was taken of it.
type zeros struct{ left, taken int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	z.taken += n
	return int(n), nil
}

func TestBody(t *testing.T) {
	base, _ := start(t, Options{Handler: echo(3 << 20)})
	for name, tc := range map[string]struct {
		body     io.Reader
		encoding string
		code     int
		says     string
	}{
		"empty":                       {http.NoBody, "", 200, "0"},
		"short":                       {strings.NewReader("abc"), "", 200, "3"},
		"longer than is presized":     {bytes.NewReader(make([]byte, 2<<20)), "", 200, "2097152"},
		"at the limit":                {bytes.NewReader(make([]byte, 3<<20)), "", 200, "3145728"},
		"over the limit, announced":   {bytes.NewReader(make([]byte, 3<<20+1)), "", 413, "too large"},
		"length unknown":              {io.LimitReader(&zeros{left: 100}, 100), "", 200, "100"},
		"length unknown, at limit":    {&zeros{left: 3 << 20}, "", 200, "3145728"},
		"over the limit, by surprise": {&zeros{left: 3<<20 + 1}, "", 413, "too large"},
		"a gigabyte of zeros":         {&zeros{left: 1 << 30}, "", 413, "too large"},
		"compressed":                  {strings.NewReader("abc"), "gzip", 415, "gzip"},
		"identity":                    {strings.NewReader("abc"), "identity", 200, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if tc.encoding != "" {
				req.Header.Set("Content-Encoding", tc.encoding)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			says, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tc.code || !strings.Contains(string(says), tc.says) {
				t.Errorf("%d %q, want %d %q", resp.StatusCode, says, tc.code, tc.says)
			}
		})
	}
}

// What a client announces costs nothing until it sends it.
func TestBodyAllocatesByWhatComes(t *testing.T) {
	r, err := http.NewRequest(http.MethodPost, "/", io.LimitReader(&zeros{left: 10}, 10))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 1 << 30
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = Body(nil, r, 1<<31)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 2*presized {
		t.Errorf("allocated %d bytes for 10", got)
	}
}

// A handler that takes longer than ReadTimeout keeps its context.
func TestReadTimeoutEndsWithTheBody(t *testing.T) {
	base, _ := start(t, Options{ReadTimeout: 50 * time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := Body(w, r, 100); err != nil {
			t.Error(err)
		}
		select {
		case <-r.Context().Done():
			http.Error(w, "cancelled", http.StatusInternalServerError)
		case <-time.After(200 * time.Millisecond): // four times ReadTimeout: nothing to wait for, something not to see
		}
	})})
	resp, err := http.Post(base, "text/plain", strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s", resp.Status)
	}
}

func TestHungClient(t *testing.T) {
	base, _ := start(t, Options{ReadTimeout: 50 * time.Millisecond, Handler: echo(1000)})
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"); err != nil {
		t.Fatal(err)
	}
	if err = c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s, want 503", resp.Status)
	}
}
