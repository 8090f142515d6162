// Package podlog reads the end of a container's log, bounded in size and with
// secrets masked, so that it can be told.
package podlog

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/quench-dev/quench/function/mask"
)

// What is read of a log. More is read than told, so that a secret of many lines,
// such as a private key, is known as one.
const (
	readLines = 1000
	readBytes = 128 << 10
)

// Client opens the log of a container at its last so many lines; with previous that
// of the run before this one.
type Client interface {
	Log(ctx context.Context, namespace, pod, container string, previous bool, lines int) (io.ReadCloser, error)
}

// Reader reads logs for one function. All fields are required.
type Reader struct {
	Client Client
	Masker *mask.Masker
	Lines  int // told of one log at most
	Bytes  int
}

// Tail reads the end of a container's log, masked, and says whether that is less
// than all of it. Errors are the API's own.
func (r Reader) Tail(ctx context.Context, namespace, pod, container string, previous bool) (text string, cut bool, err error) {
	log, err := r.Client.Log(ctx, namespace, pod, container, previous, readLines)
	if err != nil {
		return "", false, err
	}
	defer log.Close()
	b, cut, err := last(log, readBytes)
	if err != nil {
		return "", false, err
	}
	text, short := r.shorten(string(b), cut)
	return text, short, nil
}

// last reads to the end and keeps the last so many bytes. The API's own limitBytes
// would keep the first.
func last(r io.Reader, most int) (kept []byte, cut bool, err error) {
	buffer := make([]byte, 0, 2*most)
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer[:0], buffer[most:]...)
			cut = true
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, err
		}
	}
	if len(buffer) > most {
		buffer, cut = buffer[len(buffer)-most:], true
	}
	return buffer, cut, nil
}

// shorten masks a log and leaves its last lines. Where the text itself was cut off a
// longer one its first line goes, of which a part may be missing: half a secret is
// none that a pattern knows.
func (r Reader) shorten(text string, cut bool) (string, bool) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if cut = cut || strings.Count(text, "\n") >= readLines; cut {
		_, text, _ = strings.Cut(text, "\n")
	}
	text = r.Masker.Mask(text)
	lines := strings.SplitAfter(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > r.Lines {
		lines, cut = lines[len(lines)-r.Lines:], true
	}
	text = strings.Join(lines, "")
	if len(text) > r.Bytes {
		text, cut = strings.ToValidUTF8(text[len(text)-r.Bytes:], ""), true
	}
	return text, cut
}
