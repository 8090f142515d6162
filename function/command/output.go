package command

import (
	"strings"
	"sync"

	"github.com/quench-dev/quench/function/mask"
)

// maxOutput is how much of a command's output is kept, in bytes: its end.
const maxOutput = 8 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
	more bool // there was more before
}

// Write implements io.Writer; it never fails, for a command that cannot write ends.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if len(p) > maxOutput {
		p, t.more = p[len(p)-maxOutput:], true
	}
	if over := len(t.kept) + len(p) - maxOutput; over > 0 {
		t.kept, t.more = append(t.kept[:0], t.kept[over:]...), true
	}
	t.kept = append(t.kept, p...)
	return n, nil
}

// text is what was kept, for people: whole lines where some were cut off, and
// secrets masked.
func (t *tail) text(m *mask.Masker) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := string(t.kept)
	if t.more {
		if _, rest, ok := strings.Cut(s, "\n"); ok && rest != "" {
			s = rest // half a line may be half a secret
		}
	}
	return m.Mask(strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD")))
}
