package controlplane

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// readyLine is the child's standard output: it takes the line that says where the control plane is, and hands on what
// comes after. Only the goroutine that copies the output writes to it; the fields may be read once found is closed.
type readyLine struct {
	found              chan struct{}
	rest               io.Writer
	kubeconfig, server string

	seen bool
	line bytes.Buffer
}

// maxLine bounds what is kept of a line that does not end.
const maxLine = 16 << 10

func (r *readyLine) Write(text []byte) (int, error) {
	if r.seen {
		return r.rest.Write(text)
	}
	written := len(text)
	for {
		line, after, ended := bytes.Cut(text, []byte("\n"))
		if r.line.Len()+len(line) <= maxLine {
			r.line.Write(line)
		}
		if !ended {
			return written, nil
		}
		if r.parse(r.line.String()) {
			r.seen = true
			close(r.found)
			_, err := r.rest.Write(after)
			return written, err
		}
		if _, err := io.WriteString(r.rest, r.line.String()+"\n"); err != nil {
			return written, err
		}
		r.line.Reset()
		text = after
	}
}

// parse reads "ready kubeconfig=PATH server=URL", where the path may hold anything but a line's end.
func (r *readyLine) parse(line string) bool {
	rest, found := strings.CutPrefix(strings.TrimRight(line, "\r"), "ready kubeconfig=")
	at := strings.LastIndex(rest, " server=")
	if !found || at < 0 {
		return false
	}
	r.kubeconfig, r.server = rest[:at], rest[at+len(" server="):]
	return true
}

// tail remembers the last lines of what is written to it, and passes all of it on.
type tail struct {
	next io.Writer // nil: nobody

	mu   sync.Mutex
	text []byte
}

// How much is remembered, and how much of it is said.
const (
	tailBytes = 16 << 10
	tailLines = 30
)

func (t *tail) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, text...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append([]byte(nil), t.text[over:]...)
	}
	if t.next != nil {
		// An error here would stop the copying, and then the child, for the sake of its log.
		_, _ = t.next.Write(text)
	}
	return len(text), nil
}

// String is the last lines, or a remark that there are none.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimRight(string(t.text), "\n")
	if text == "" {
		return "(nothing)"
	}
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
